# Every target sets up what it needs first; nothing but python3 (3.11 or newer), make and the package index has to be there.
# PYTHON=/path/to/python names the interpreter of the environment, WORKERS=N the number of test processes.

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
WORKERS ?= 2
RUNS ?= 286
# Long simulated days: without the tracing of coverage, which would make them take most of the time.
DAYS := $(wildcard tests/sim/test_*_days.py) tests/sim/test_chaos_matrix.py tests/sim/test_virtual_day.py tests/sim/test_feed_trial.py tests/data/test_clean_days.py
SOURCES := $(shell find src tools -name '*.py')

# A stamp is newer than what it was made from, so that a target without news costs no time and no network. They are made in order.
RUNTIME := $(VENV)/.stamp-runtime
DEV := $(VENV)/.stamp-dev
COMPILED := $(VENV)/.stamp-compiled
# A second environment for `make determinism`, with the interpreter OTHER_PYTHON.
OTHER := $(VENV)/other

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test deep check check-fast format bench seeds mutants determinism lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile

setup: $(DEV) $(COMPILED) ## prepare .venv with everything

demo: $(RUNTIME) $(COMPILED) ## a whole trading day against the simulated venue and feeds
	$(BIN)/kalshi-alpha demo

test: $(DEV) $(COMPILED) ## all tests, with their coverage
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest -n $(WORKERS) --dist loadfile --ignore tests/live $(DAYS:%=--ignore %)
	$(PY) -m coverage run -m pytest tests/live
	$(PY) -m pytest -n $(WORKERS) $(DAYS)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

deep: $(DEV) $(COMPILED) ## the property tests with many more, random examples
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --hypothesis-profile=deep

check: check-fast ## format, lint, architecture, dependencies, types, tidiness and dead code
	$(BIN)/deptry src tools
	$(BIN)/mypy
	$(PY) -m pytest -q tests/test_tidy.py

check-fast: $(DEV)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports --no-logo

format: $(DEV) ## format the code, mend what the linter can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(RUNTIME) $(COMPILED) ## the figures of performance, by name
	$(BIN)/kalshi-alpha bench

seeds: $(RUNTIME) $(COMPILED) ## 2,000 windows with swarms of random faults in virtual time: every promise must hold
	$(PY) -m tools.seeds --runs $(RUNS) --workers $(WORKERS) $(if $(WITHIN_S),--within-s $(WITHIN_S))

mutants: $(DEV) $(COMPILED) ## 28 safety bugs, one at a time: a checker must notice each within 200 windows
	$(PY) -m tools.mutants --workers $(WORKERS)

determinism: $(DEV) $(COMPILED) ## the same seed gives the same journal; also in OTHER_PYTHON where given
ifdef OTHER_PYTHON
	PYTHON=$(OTHER_PYTHON) tools/bootstrap.sh $(OTHER) requirements.txt
	$(PY) -m tools.determinism --python $(OTHER)/bin/python
else
	$(PY) -m tools.determinism
endif

lock: $(DEV) ## write the requirements files anew from pyproject.toml; UPGRADE=--upgrade takes newer versions
	tools/lock.sh $(UPGRADE)

clean: ## remove the environment and everything generated but the system's own data
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tools tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): pyproject.toml requirements.txt requirements-uv.txt tools/bootstrap.sh
	tools/bootstrap.sh $(VENV) requirements.txt
	@touch $@

$(DEV): pyproject.toml requirements.txt requirements-dev.txt requirements-uv.txt tools/bootstrap.sh
	tools/bootstrap.sh $(VENV) requirements-dev.txt
	@touch $(RUNTIME) $@

# Some machines set PYTHONDONTWRITEBYTECODE; compiling at every start would cost a restart most of a second.
$(COMPILED): $(SOURCES)
	@env -u PYTHONDONTWRITEBYTECODE $(PY) -m compileall -q src tools
	@touch $@
