# The two commands a newcomer needs: `make run` and `make test`. Both make .venv first if it is not there.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed
VENV_EXTRAS ?= .venv-extras
BIN_EXTRAS = $(VENV_EXTRAS)/bin
INSTALLED_EXTRAS = $(VENV_EXTRAS)/installed
# Those that resolve together; robustbench pins timm, so it needs an environment of its own.
EXTRAS = dev,anchors,attribution,fairness,gcs,generation,http,language,lm-eval,onnx,ray,s3,skops,vision
VENV_DOCS ?= .venv-docs
PARALLEL = -n auto --dist loadfile --no-loadscope-reorder
# For instance make test TESTS=tests/anchors.
TESTS =
# Test files that skip themselves, or a test of theirs, where an extra is not installed.
NEED_EXTRAS = $(shell grep -rlE --include='test_*.py' 'importorskip|cannot be imported' tests)

.PHONY: help run test test-quick test-all test-extras anchors simulation lint docs benchmarks schema clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: $(INSTALLED)  ## attack three digit classifiers and print the table (minutes on two cores)
	$(BIN)/harness run robustness

test: $(INSTALLED)  ## the tests but for the extended ones, on all cores (under 12 minutes on two)
	$(BIN)/python -m pytest $(PARALLEL) -m "not extended" $(TESTS)

test-quick: $(INSTALLED)  ## the tests but for those of more than a few seconds
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(TESTS)

test-all: $(INSTALLED)  ## all tests: kills, simulations of coverage, attacks in full, packaging, README
	$(BIN)/python -m pytest $(PARALLEL) $(TESTS)

test-extras: $(INSTALLED_EXTRAS)  ## what the others skip: tests that need an extra, in an environment with the extras
	$(BIN_EXTRAS)/python -m pytest $(PARALLEL) $(NEED_EXTRAS)

anchors: $(INSTALLED_EXTRAS)  ## tests against independent references, in the environment with the extras
	$(BIN_EXTRAS)/python -m pytest $(PARALLEL) tests/anchors

simulation: $(INSTALLED)  ## coverage, false alarms and power of all intervals and p-values (an hour on two cores); SEED=7 for another
	PYTHONPATH=tests $(BIN)/python -m simulation $(if $(SEED),--seed $(SEED))

lint: $(INSTALLED)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict harness
	$(BIN)/mypy plugins

docs: $(INSTALLED) $(VENV_DOCS)/installed  ## build the documentation into build/docs/html; a warning is an error
	@rm -rf build/docs
	$(BIN)/harness reference build/docs/sources/reference
	$(VENV_DOCS)/bin/python docs/build.py build/docs/sources build/docs/html

benchmarks: $(INSTALLED)  ## timings as ratios to bare loops, with pytest-benchmark
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable --benchmark-only

schema: $(INSTALLED)  ## write the JSON Schema of suite files anew
	$(BIN)/harness schema --first-party > harness/suite/suite.schema.json

clean:  ## remove the environments and everything built
	rm -rf $(VENV) $(VENV_EXTRAS) $(VENV_DOCS) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

# An environment in the first argument, with harness and its extras in the second.
define installed_in
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "harness needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(1) || \
		{ rm -rf $(1); echo "No virtual environment can be made. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(2)]"
endef

$(INSTALLED): pyproject.toml constraints.txt
	$(call installed_in,$(VENV),dev)
	@touch $@

# The torchvision that torchattacks brings cannot be imported beside a CPU build of torch, and transformers and diffusers
# then cannot import what uses it; without it they fall back to PIL.
$(INSTALLED_EXTRAS): pyproject.toml constraints.txt
	$(call installed_in,$(VENV_EXTRAS),$(EXTRAS))
	@$(BIN_EXTRAS)/python -c 'import torchvision' 2>/dev/null || $(BIN_EXTRAS)/python -m pip uninstall --quiet --yes torchvision
	@touch $@

# An environment of its own: torchattacks wants an older requests than Sphinx 8 does.
$(VENV_DOCS)/installed: docs/requirements.txt
	@$(PYTHON) -m venv $(VENV_DOCS)
	$(VENV_DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -r docs/requirements.txt
	@touch $@
