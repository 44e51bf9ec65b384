# limpet: what developers and CI run. `make help` lists it.
#
# Needs a Python of at least 3.11 and make, nothing else: each target makes its own virtual environment first.
#   make test PYTHON=python3.13 VENV=.venv/3.13    another Python, in an environment of its own
#   make test ARGS="tests/unit/codec -x"           what pytest shall run

VENV ?= .venv
ARGS ?=
# The first Python that runs and is new enough; a version manager's shim may be on PATH and not run.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$python"; break; }; done)

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PROJECT := pyproject.toml src/limpet/_version.py

.DEFAULT_GOAL := help
.PHONY: help demo test conformance check coverage soak docs format bench-quick clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## run the demonstration
	@$(BIN)/python examples/demo.py

test: $(VENV)/.test ## run the tests (ARGS="..." for pytest)
	@$(BIN)/python $(if $(COVERAGE),-m coverage run) -m pytest $(ARGS)

conformance: $(VENV)/.test ## run the behaviours with limpet and its peers, and write their table (ARGS="--only R26")
	@$(BIN)/python -m tests.conformance $(ARGS)

check: $(VENV)/.check ## check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --warnings --pythonpath $(BIN)/python
	PYTHONPATH=src $(BIN)/pyright --pythonpath $(BIN)/python --verifytypes limpet --ignoreexternal | grep '^Type completeness score: 100%'
	$(BIN)/lint-imports --no-cache --no-logo

coverage: $(VENV)/.test ## run the tests, and fail if too little of the code ran
	@$(BIN)/coverage erase
	@$(MAKE) --no-print-directory test COVERAGE=1
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

soak: $(VENV)/.test ## share one session among threads for a minute (SECONDS=...)
	@$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),60)

docs: $(VENV)/.docs ## build the documentation in build/site
	@$(BIN)/mkdocs build --strict --quiet
	@echo "Built build/site/index.html"

format: $(VENV)/.check ## put the code into its one format
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

bench-quick: $(VENV)/.demo ## measure for a few seconds
	@$(BIN)/python -m benchmarks --quick

clean: ## remove all that these targets made
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# One stamp for each set of packages: what is missing is installed when it is first needed, and again when the
# project's own list changes.
$(VENV)/.python:
	@[ -n "$(PYTHON)" ] || { echo "limpet needs Python 3.11 or newer, and found none on PATH; say which: make PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "limpet needs Python 3.11 or newer; $(PYTHON) is not, or does not run: $$("$(PYTHON)" --version 2>&1)" >&2; exit 1; }
	@echo "Making $(VENV) with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv "$(VENV)"
	@touch $@

$(VENV)/.demo: $(VENV)/.python $(PROJECT)
	@echo "Installing limpet into $(VENV)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.python $(PROJECT)
	@echo "Installing limpet and what its tests need into $(VENV)"
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.check: $(VENV)/.python $(PROJECT)
	@echo "Installing limpet and what its checks need into $(VENV)"
	@$(PIP) --editable '.[check]'
	@touch $@ $(VENV)/.test $(VENV)/.demo

$(VENV)/.docs: $(VENV)/.python $(PROJECT)
	@echo "Installing limpet and what its documentation is built with into $(VENV)"
	@$(PIP) --editable '.[docs]'
	@touch $@ $(VENV)/.demo
