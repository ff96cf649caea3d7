# make demo | make test | make check | make lock. Everything lives in .venv; nothing outside the checkout is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test check coverage format lock install bench screenshots clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo              a simulated hospital, a broker, the agent and the terminal UI'
	@echo 'make demo ARGS="--headless --for 30"   the same without a screen, then a summary'
	@echo 'make test              the whole test suite'
	@echo 'make check             formatting, lint, types, layering'
	@echo 'make bench             how it bears a thousand changes a second, in figures'
	@echo 'make screenshots       the pictures of README.md, from the running UI'
	@echo 'make lock              pins constraints.txt anew (needs uv)'

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; try: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || { echo "Creating $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing pinned packages into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(READY)

demo: $(READY)
	@$(BIN)/facility demo $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

coverage: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered $(ARGS)

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock:
	@uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --quiet --upgrade --output-file constraints.txt
	@sed -i '1i # Every package of every extra, pinned and hashed. Made by `make lock`; installed by `make`.' constraints.txt

bench: $(READY)
	@$(BIN)/python -m bench.churn
	@$(BIN)/python -m bench.tui

screenshots: $(READY)
	@$(BIN)/python -m docs.screenshots

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage
