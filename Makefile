# Everything a newcomer types. Needs Python 3.11 or newer with venv, and make; nothing else has to be installed before.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
HOSTS ?= --host alpha=simulator:///alpha --host beta=simulator:///beta
PYTEST_ARGS ?=
LIBVIRT := $(shell pkg-config --modversion libvirt 2>/dev/null || echo absent)
LOCK := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help up test check lint demo bench soak lock clean

help: ## list what can be made
	@echo "make TARGET [ARGS=...]"
	@sed -n 's/^\([a-z]*\):[^#]*## /\1	/p' $(MAKEFILE_LIST) | while IFS='	' read -r target words; do printf '  %-8s %s\n' "$$target" "$$words"; done

up: $(VENV)/.installed ## install, and run Revisor with two simulated hosts (ARGS=--detach returns when it is ready)
	@exec $(BIN)/revisor up $(HOSTS) $(ARGS)

test: $(VENV)/.installed-dev ## run every test this machine allows; the summary names what was left out and why
	@exec $(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint ## the quick ones: what lint does, unit and architecture tests
	$(BIN)/python -m pytest tests/unit tests/architecture $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

demo: $(VENV)/.installed-dev ## a guest, six snapshots, a replay and a handover, on real hosts where the machine has them
	@exec $(BIN)/python -m tests.lab.demo $(ARGS)

bench: $(VENV)/.installed-dev ## the measured claims (ARGS=--short for a quick look)
	@set -e; for claim in benchmarks/[a-z]*.py; do echo "== $$claim"; $(BIN)/python -m "benchmarks.$$(basename "$$claim" .py)" $(ARGS); done

soak: export REVISOR_EQUIVALENCE_STEPS ?= 20000
soak: export REVISOR_FAULT_ROUNDS ?= 10
soak: $(VENV)/.installed-dev ## the acceptance tests over and over, with fresh seeds (ROUNDS=20), more faults, and longer runs beside libvirt
	@set -e; for round in $$(seq 1 $${ROUNDS:-20}); do echo "== round $$round"; REVISOR_EQUIVALENCE_SEED=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ') $(BIN)/python -m pytest tests/integration tests/contract/store tests/acceptance tests/equivalence -x -q $(PYTEST_ARGS); done

lock: ## resolve the dependencies anew into the four lock files (needs uv)
	$(LOCK) --group dev --group build pyproject.toml -o requirements-dev.lock
	$(LOCK) -c requirements-dev.lock pyproject.toml -o requirements.lock
	$(LOCK) -c requirements-dev.lock --group build -o requirements-build.lock
	$(LOCK) --group libvirt -o requirements-libvirt.lock
	@! grep -nE '^-|://|file:' requirements*.lock || { echo "a lock file names an index or a path of this machine" >&2; exit 1; }

clean: ## remove the virtual environment and what tools left (never $$REVISOR_HOME)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Revisor needs Python 3.11 or newer; say PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python has no venv module here; on Debian: apt-get install python3-venv" >&2; exit 1; }

# --no-build-isolation: what builds Revisor is pinned by a lock as well, so nothing unpinned is ever fetched.
$(VENV)/.installed: requirements.lock requirements-build.lock pyproject.toml $(VENV)/.libvirt-$(LIBVIRT) | $(VENV)/bin/python
	@echo "installing Revisor into $(VENV)"
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# The libvirt driver's library is compiled against libvirt's headers, so it is installed where they are, and again when
# they change. Without it everything but the libvirt driver works; the reason it was left out is always said.
$(VENV)/.libvirt-$(LIBVIRT): requirements-build.lock requirements-libvirt.lock | $(VENV)/bin/python
	@$(PIP) install --quiet --require-hashes -r requirements-build.lock
	@if ! command -v pkg-config > /dev/null; then \
		echo "without the libvirt driver: pkg-config is not here to ask for libvirt's headers"; touch $@; \
	elif ! pkg-config --exists libvirt; then \
		echo "without the libvirt driver: libvirt's headers are not here (on Debian: apt-get install libvirt-dev)"; touch $@; \
	elif $(PIP) install --require-hashes --no-build-isolation -r requirements-libvirt.lock > $(VENV)/libvirt-python.log 2>&1; then \
		echo "with the libvirt driver, for libvirt $(LIBVIRT)"; touch $@; \
	else \
		echo "without the libvirt driver: its headers are here, but libvirt-python did not compile; $(VENV)/libvirt-python.log says why (on Debian: apt-get install gcc python3-dev)" >&2; \
	fi

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "installing what the tests need"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@
