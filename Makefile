# Prepare, show, check: each target installs what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Tests run in so many processes; a file's tests stay together, since they share servers.
WORKERS ?= 3
# Compiled once: the tests start some hundreds of processes of it.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup venv-package demo test crash bench soak lint format constraints clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Il faut Python 3.11 ou plus récent (ici : $$($(PYTHON) --version 2>&1)). Indiquez-le ainsi : make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory venv-package
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@echo "Installation dans $(VENV) (une à deux minutes la première fois)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,dev,ocr]'
	@touch $(READY)

# Debian packs venv apart from Python.
venv-package:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installation du paquet Debian python3-venv…"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; \
	else \
		echo "Il manque à Python de quoi créer un environnement. Sur Debian : sudo apt install python3-venv"; exit 1; \
	fi

demo: $(READY)
	@$(BIN)/origyne-bot demo

test: $(READY)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

# Some thirty minutes: the service killed at each point of each flow; `origyne-crash-…` in the temporary folder keeps
# what went wrong. `make test` has a small part of it.
crash: $(READY)
	$(BIN)/python -m tests.crash

# About twenty-five minutes, as root; contestants: Debian's sqlite3, lftp, rclone and curl, and vsftpd from .ci/servers.
bench: $(READY)
	$(BIN)/python -m tests.bench

# MINUTES of the operator's deliveries, ninety days' worth within an hour, under faults drawn from SEED (any).
MINUTES ?= 60
soak: $(READY)
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml bot core handlers
	$(BIN)/python .ci/audit

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The versions that were tested; run it after a change of pyproject.toml.
constraints: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --universal --all-extras --no-header --no-annotate -o constraints.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
