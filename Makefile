# Nine words. `make demo` and `make test` are all a newcomer needs; each installs what it lacks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
CONFIG ?= configs/pipeline/smoke.yaml
CHAT ?=
# without material's note on MkDocs 2, which is not used here
DOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: setup demo test check docs slow browser commands pipeline

setup: $(VENV)/.ready
	@echo "For the commands of README and docs, in every new shell:  source $(BIN)/activate"

# constraints.txt holds the versions the tests were last run with; pyproject.toml says why each bound.
$(VENV)/.ready: pyproject.toml constraints.txt scripts/setup.sh
	PYTHON=$(PYTHON) VENV=$(VENV) bash scripts/setup.sh
	@touch $@

# The chat in the browser, with the bundled model; CHAT takes more options, such as --port 8000.
demo: setup
	$(BIN)/versamammo chat --open $(CHAT)

# Long files first, as tests/conftest.py orders them; xdist by itself begins with many short tests.
# Bytecode is written, for the processes that tests start.
test: setup
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile \
	  --no-loadscope-reorder

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
