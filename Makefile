# llmtui: `make run` measures the embedded model, `make test` passes all tests. Each sets up what it needs.

VENV := .venv
BIN := $(VENV)/bin
SUITE ?= quick
ARGS ?=
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: help setup setup-dev run test test-ollama check docs bench clean

help:
	@echo 'make run            measure the embedded model, live (PLAIN=1: in lines, SUITE=name, ARGS="...")'
	@echo 'make test           run all tests'
	@echo 'make check          lint, format, types, import contracts'
	@echo 'make test-ollama    run the tests on a real Ollama, which is built first (needs Go)'
	@echo 'make bench          measure speed, memory and size of llmtui itself'
	@echo 'make docs           write the generated parts of README and docs anew'
	@echo 'make clean          remove what make set up'

$(VENV)/run.stamp: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'llmtui needs Python 3.11 or newer; install it, or name it by PYTHON=...'; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo 'this Python can make no virtual environment; on Debian: apt install python3-venv'; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[embedded]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[embedded,dev]'
	@touch $@

setup: $(VENV)/run.stamp

setup-dev: $(VENV)/dev.stamp

run: setup
	@$(BIN)/llmtui run $(SUITE) $(if $(PLAIN),--plain) $(ARGS)

test: setup-dev
	@$(BIN)/python -m llmtui.models.download
	@$(BIN)/python -m pytest -n 2 $(ARGS)

test-ollama: setup-dev
	@$(BIN)/python -m llmtui.models.download
	@sh tests/servers/ollama.sh
	@$(BIN)/python -m pytest -m ollama $(ARGS)

check: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

docs: setup-dev
	@$(BIN)/python docs/generate.py

bench: setup-dev
	@$(BIN)/python benchmarks/run.py $(ARGS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
