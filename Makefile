# make demo | make test | make check | make lock. Everything lives in .venv; nothing outside the checkout is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_VENV := .venv-bench
BENCH_NODE := bench/node/node_modules
# More than cores: half of the suite's time is waiting. In the order of tests/conftest.py.
SIDE_BY_SIDE := -n 5 --dist loadfile --no-loadscope-reorder

# Modules are compiled once, and not by each of some hundred processes anew, whatever the environment says: a quarter of
# what the suite costs.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test check coverage format lock install bench bench-screens energy-week soak screenshots clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo              a simulated hospital, a broker, the agent and the terminal UI'
	@echo 'make demo ARGS="--headless --for 30"   the same without a screen, then a summary'
	@echo 'make test              the whole test suite'
	@echo 'make coverage          the same, and what of the code it runs'
	@echo 'make check             formatting, lint, types, layering'
	@echo 'make format            formats, and mends what lint can mend by itself'
	@echo 'make bench             compared with other BACnet clients, in figures (about 15 minutes, needs npm)'
	@echo 'make bench ARGS="--only rpm"   a part of it: rpm, cov, latency, poll, discovery, writes, planning'
	@echo 'make bench-screens     how the screens bear a thousand changes a second, in figures'
	@echo 'make energy-week       what the policies save in a week of the simulated hospital, in figures'
	@echo 'make soak              whether the agent keeps its size (ARGS="--minutes 120")'
	@echo 'make screenshots       the pictures of README.md, from the running UI'
	@echo 'make install           sets up .venv and nothing else'
	@echo 'make lock              pins constraints.txt anew (needs uv)'
	@echo 'make clean             removes .venv and everything that was made'

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
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

coverage: $(READY)
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) --cov --cov-report=term:skip-covered $(ARGS)

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
	@uv pip compile bench/requirements.in --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --quiet --output-file bench/requirements.txt
	@sed -i '1i # BAC0 and what it needs, pinned and hashed, for an environment of its own. Made by `make lock`.' bench/requirements.txt
	@cd bench/node && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --silent

$(BENCH_VENV)/.ready: bench/requirements.txt
	@echo "Installing BAC0, which is compared with, into $(BENCH_VENV) ..."
	@$(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bench/requirements.txt
	@touch $@

$(BENCH_NODE)/.ready: bench/node/package-lock.json
	@command -v npm >/dev/null || { echo "Node.js with npm is needed for the clients from there"; exit 1; }
	@echo "Installing the npm clients, which are compared with, into $(BENCH_NODE) ..."
	@cd bench/node && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

bench: $(READY) $(BENCH_VENV)/.ready $(BENCH_NODE)/.ready
	@$(BIN)/python -m bench $(ARGS)

bench-screens: $(READY)
	@$(BIN)/python -m bench.churn
	@$(BIN)/python -m bench.tui

energy-week: $(READY)
	@$(BIN)/python -m bench.energy_week $(ARGS)

soak: $(READY)
	@$(BIN)/python -m bench.soak $(ARGS)

screenshots: $(READY)
	@$(BIN)/python -m docs.screenshots

clean:
	rm -rf $(VENV) $(BENCH_VENV) $(BENCH_NODE) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
