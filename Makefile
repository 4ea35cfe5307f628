# Ten words. `make demo` and `make test` are all a newcomer needs; each installs what it lacks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
CONFIG ?= configs/pipeline/smoke.yaml
CHAT ?=
TRAIN ?=
# without material's note on MkDocs 2, which is not used here
DOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: setup demo test check docs slow browser commands pipeline train-real

setup: $(VENV)/.ready
	@echo "For the commands of README and docs, in every new shell:  source $(BIN)/activate"

# constraints.txt holds the versions the tests were last run with; pyproject.toml says why each bound.
$(VENV)/.ready: pyproject.toml constraints.txt scripts/setup.sh scripts/open_weights.txt \
  scripts/language_model.txt
	PYTHON=$(PYTHON) VENV=$(VENV) bash scripts/setup.sh
	@touch $@

# The chat in the browser, with the bundled model; CHAT takes more options, such as --port 8000.
demo: setup
	$(BIN)/versamammo chat --open $(CHAT)

# Long files first, as tests/conftest.py orders them; xdist by itself begins with many short tests.
# Bytecode is written, for the processes that tests start.
test: setup
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(DOCS)

# The documentation as a site, in build/site: open index.html, or serve the folder to search in it.
docs: setup
	$(DOCS)

slow: setup
	$(BIN)/python -m pytest -m slow

# A person's way through the page, in an installed Chromium.
browser: setup
	$(BIN)/python -m pytest -m browser

# Every fenced command of README and docs, as printed, on tiny data.
commands: setup
	$(BIN)/python -m pytest -n $(WORKERS) -m commands

# From nothing to a model that answers: phantoms, teacher, student, language, scores, card.
pipeline: setup
	$(BIN)/python scripts/pipeline.py --config $(CONFIG)

# From an archive of real mammograms in DATA to an encoder, and its figures; TRAIN takes more options,
# such as "--out DIR --test --optim.max_steps 1440". The same command goes on with what was stopped.
train-real: setup
	@test -n "$(DATA)" || { echo "train-real needs the archive's folder: make train-real DATA=DIR" >&2; exit 2; }
	$(BIN)/python scripts/train_real.py "$(DATA)" $(TRAIN)
