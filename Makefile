# Every target makes and uses .venv/ at the root; state lives under EDU_HOME (default .edu/).
PYTHON ?= python3
VENV := .venv
BI_VENV := .venv-bi
BIN := $(VENV)/bin
EDU_HOME ?= $(CURDIR)/.edu
export EDU_HOME
export EDU_BI_VENV := $(CURDIR)/$(BI_VENV)
# Telemetry is off everywhere, whatever a tool's own default is.
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED := False
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help bench-landing bench-path bench-build bench-gates bench-resubmission bench-query bench-dags bench-oulad install run up bi bi-up test test-city test-slow faults test-seeds test-clients test-bi bench lint format docs lock lock-bi clean

help: ## show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages into $(VENV)/ (about a minute with a warm cache)"
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

install: $(VENV)/.installed ## make .venv/ from the hashed requirements

run: install ## a small city through Airflow: collect, build, gate, publish; then a summary
	@$(BIN)/edu run

up: install ## start Airflow with its page, to trigger and watch the DAGs
	@$(BIN)/edu up

$(BI_VENV)/.installed: dashboards/superset/requirements.txt
	@test -x $(BI_VENV)/bin/python || $(PYTHON) -m venv $(BI_VENV)
	@echo "Installing Superset into $(BI_VENV)/ (minutes)"
	@$(BI_VENV)/bin/python -m pip install --quiet --no-deps --require-hashes --requirement dashboards/superset/requirements.txt
	@touch $@

bi: install $(BI_VENV)/.installed ## Superset in an environment of its own, connected to PostgreSQL, with its boards
	@$(BIN)/edu bi setup

bi-up: install $(BI_VENV)/.installed ## serve Superset on this machine
	@$(BIN)/edu bi up

test: install ## all tests except those of targets of their own
	@$(BIN)/python -m pytest -m "not slow and not city" -n 2 --dist loadscope --no-loadscope-reorder

test-city: install ## whole cities once more: dirty, decided, as of a day, replayed, exchanged
	@$(BIN)/python -m pytest -m "city and not slow" -n 2 --dist loadscope --no-loadscope-reorder

test-slow: test-city faults test-seeds test-clients test-bi ## every slow suite

faults: install ## kill every step at a hundred moments, fill disks, break files, run twice at once; then run again
	@$(BIN)/python -m pytest -m slow tests/faults -n 2 --dist loadscope

test-seeds: install ## more seeds, days and defects of the synthetic city, and another order; the whole click log where it is present
	@$(BIN)/python -m pytest -m slow tests/integration tests/warehouse tests/benchmarks

test-clients: install ## read the published file with older DuckDB, Node, WASM and fifty processes
	@$(BIN)/python -m pytest -m slow tests/clients

test-bi: install $(BI_VENV)/.installed ## run every chart, SQL Lab within a role and pictures of the boards in Superset
	@$(BIN)/python -m pytest -m slow tests/bi

bench: install ## measure every part against a baseline of the same run (BENCH="--scale 1 --terms 10" for the whole city)
	@$(BIN)/python -m benchmarks $(BENCH)

bench-landing bench-path bench-build bench-gates bench-resubmission bench-query bench-dags bench-oulad: bench-%: install
	@$(BIN)/python -m benchmarks $* $(BENCH)

lint: install ## ruff, mypy, sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint dbt_project/models --processes 2

format: install ## put Python and SQL into the house form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix dbt_project/models --processes 2

docs: install ## write the files that are generated from the contracts
	@$(BIN)/python -m edu.dictionary

lock: ## pin all packages again, with hashes and without a registry's address
	@$(PYTHON) -m venv .lockenv && .lockenv/bin/python -m pip install --quiet uv
	@.lockenv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --python-version 3.11 --extra dev --output-file requirements.txt pyproject.toml
	@rm -rf .lockenv

lock-bi: ## pin Superset's packages again, with hashes and without a registry's address
	@$(PYTHON) -m venv .lockenv && .lockenv/bin/python -m pip install --quiet uv
	@.lockenv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --python-version 3.11 --output-file dashboards/superset/requirements.txt dashboards/superset/requirements.in
	@rm -rf .lockenv

clean: ## remove .venv/, .venv-bi/ and caches; state under EDU_HOME stays
	@rm -rf $(VENV) $(BI_VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dbt_project/target
