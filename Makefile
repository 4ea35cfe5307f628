# Six words. `make demo` and `make test` are all a newcomer needs; each installs what it lacks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: setup demo test check slow pipeline

setup: $(VENV)/.ready

# constraints.txt holds the versions the tests were last run with; pyproject.toml says why each bound.
$(VENV)/.ready: pyproject.toml constraints.txt scripts/setup.sh
	PYTHON=$(PYTHON) VENV=$(VENV) bash scripts/setup.sh
	@touch $@

# Phantom exams, prepared, on one picture. Nothing here is real data.
demo: setup
	$(BIN)/versamammo phantom demo/phantoms --exams 3 --seed 7 --workers $(WORKERS)
	$(BIN)/versamammo prepare demo/phantoms --out demo/prepared --workers $(WORKERS)
	$(BIN)/versamammo sheet demo/prepared --png demo/contact_sheet.png

test: setup
	$(BIN)/python -m pytest -n $(WORKERS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

slow: setup
	$(BIN)/python -m pytest -m slow

# From nothing to prepared data; training joins this chain as it lands.
pipeline: demo
