# `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The locks are complete: nothing is left to resolve. What is imported is compiled then.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-compile
# A third of the tests' time is waiting for processes and bounds: three workers keep two processors busy.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) * 3 // 2)')
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test fast most judges check format bench sandbox-bench memory recall peers fuzz load prove prove-part chaos lock docs clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

demo: $(VENV)/demo.stamp  ## set up .venv, then onboard five hires in the sandbox
	$(BIN)/agent-ops demo

test: $(VENV)/dev.stamp  ## set up .venv for development, then run all tests
	$(PYTEST)

fast: $(VENV)/dev.stamp  ## the unit tests: under a minute
	$(PYTEST) tests/unit

most: $(VENV)/dev.stamp  ## all tests but those that start whole processes (TESTS="tests/unit tests/contract")
	$(PYTEST) -m "not slow" $(TESTS)

judges: $(VENV)/judges.stamp  ## let clients that nobody here wrote judge the twins (large downloads)
	$(BIN)/python -m pytest tests/contract -k second_client

check: $(VENV)/dev.stamp  ## layers, lint, format, types, then the tests
	$(BIN)/lint-imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST)

format: $(VENV)/dev.stamp  ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp  ## one table: what we cost beside the peers, each figure with its target (PARTS="cpu start", RUNS=10000)
	$(BIN)/python benchmarks/table.py --runs $(or $(RUNS),1000) $(PARTS)

sandbox-bench: $(VENV)/dev.stamp  ## print how long onboardings take in the sandbox
	$(BIN)/python benchmarks/onboarding.py

memory: $(VENV)/dev.stamp  ## print how good recommendations are: make memory DATA=directory of access data
	$(BIN)/python benchmarks/memory.py $(DATA)

recall: $(VENV)/dev.stamp  ## print what recall costs with up to a million past employees (several minutes)
	$(BIN)/python benchmarks/recall.py

peers: $(VENV)/dev.stamp  ## the peers' crash test and costs beside ours (installs the peers; several minutes)
	$(BIN)/python benchmarks/peers/run.py
	$(BIN)/python benchmarks/peers/costs.py

fuzz: $(VENV)/dev.stamp  ## let Schemathesis loose on the REST service, 200 examples an operation
	$(BIN)/python scripts/fuzz_service.py

load: $(VENV)/dev.stamp  ## print how the REST service bears 7,000 onboardings, a kill and 500 streams (docs/load.md)
	$(BIN)/python benchmarks/service.py

PROOFS := $(BIN)/python -m proofs
ROUNDS ?= 30
SEED ?=

prove: $(VENV)/dev.stamp  ## prove "exactly once" whole, and write what it says to docs/proofs (about an hour)
	@failed=0; \
	$(PROOFS) crash --out docs/proofs/crash.txt || failed=1; \
	$(PROOFS) chaos --rounds 500 --out docs/proofs/chaos.txt || failed=1; \
	$(PROOFS) faults --out docs/proofs/faults.txt || failed=1; \
	$(PROOFS) dispatch --out docs/proofs/dispatch.txt || failed=1; \
	$(PROOFS) adversary --out docs/proofs/adversary.txt || failed=1; \
	$(PROOFS) models --out docs/proofs/models.txt || failed=1; \
	exit $$failed

prove-part: $(VENV)/dev.stamp  ## the same with fixed seeds: a part of the crash matrix, and 30 random kills
	$(PROOFS) crash --seed 1
	$(PROOFS) chaos --rounds 30 --seed 1
	$(PROOFS) models --seed 1

chaos: $(VENV)/dev.stamp  ## random kills: make chaos ROUNDS=500 [SEED=7]
	$(PROOFS) chaos --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

docs: $(VENV)/dev.stamp  ## write the generated pages again (diagram, terminal picture, command reference)
	$(BIN)/python scripts/write_docs.py

lock:  ## pin the dependencies again (needs uv; installing does not)
	uv pip compile pyproject.toml --universal --python-version 3.10 --extra models --extra sandbox --extra studio --extra dev \
		--no-emit-index-url --no-emit-find-links --no-header --upgrade -o requirements/dev.lock
	uv pip compile pyproject.toml --universal --python-version 3.10 --extra sandbox --constraints requirements/dev.lock \
		--no-emit-index-url --no-emit-find-links --no-header --upgrade -o requirements/demo.lock
	uv pip compile pyproject.toml --universal --python-version 3.10 --extra sandbox --extra dev --extra judges \
		--constraints requirements/dev.lock \
		--no-emit-index-url --no-emit-find-links --no-header --upgrade -o requirements/judges.lock

clean:  ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or newer is needed; try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/%.stamp: requirements/%.lock pyproject.toml | $(VENV)/bin/python
	@start=$$(date +%s); \
	$(INSTALL) --requirement $< && $(INSTALL) --editable . && touch $@ \
	&& echo "set-up took $$(( $$(date +%s) - start )) s"
