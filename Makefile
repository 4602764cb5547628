# The two commands a newcomer needs: `make run` and `make test`. Both make .venv first if it is not there.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed
PARALLEL = -n auto --dist loadfile --no-loadscope-reorder

.PHONY: run test test-quick lint benchmarks schema clean

run: $(INSTALLED)  ## train the digits models, attack them and print the table (minutes on two cores)
	$(BIN)/harness run robustness

test: $(INSTALLED)  ## the whole test suite, on all cores; what a file sets up is set up once
	$(BIN)/python -m pytest $(PARALLEL)

test-quick: $(INSTALLED)  ## without the slow tests
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow"

lint: $(INSTALLED)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict harness
	$(BIN)/mypy plugins

benchmarks: $(INSTALLED)  ## timings as ratios to bare loops, with pytest-benchmark
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable --benchmark-only

schema: $(INSTALLED)  ## write the JSON Schema of suite files anew
	$(BIN)/harness schema --first-party > harness/suite/suite.schema.json

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "harness needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "No virtual environment can be made. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@
