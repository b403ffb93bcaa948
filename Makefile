# `make run` measures the embedded model, `make test` passes all tests; each sets up what it needs.
# Plain POSIX make: macOS has a GNU make of 2006.
.POSIX:
.PHONY: help setup run test check test-ollama docs bench bench-peers clean

# A Python of 3.11 or newer; looked for if not given.
PYTHON ?=
SUITE ?= quick
PLAIN ?=
ARGS ?=

BIN = .venv/bin
INSTALLED = .venv/.installed
INSTALLED_DEV = .venv/.installed-dev
PIP = $(BIN)/python -m pip --disable-pip-version-check
PYTEST = $(BIN)/python -m pytest
FETCH = $(BIN)/python -m llmtui.models.download

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(INSTALLED) ## a virtual environment in .venv with llmtui and its embedded server (PYTHON=python3.12)

run: $(INSTALLED) ## set up, fetch a small model, run a short real benchmark (PLAIN=1: no UI, SUITE=quick, ARGS=...)
	@case '$(PLAIN)' in '' | 0 | no) plain= ;; *) plain=--plain ;; esac; \
	exec $(BIN)/llmtui run $(SUITE) $$plain $(ARGS)

test: $(INSTALLED_DEV) ## set up and run all tests (ARGS="-k NAME")
	@$(FETCH)
	@$(PYTEST) -n 2 --dist worksteal $(ARGS)

check: $(INSTALLED_DEV) ## lint, format, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

test-ollama: $(INSTALLED_DEV) ## build a real Ollama once (Go, gcc, some minutes) and test against it
	@$(FETCH)
	@program=$$(tests/servers/ollama.sh); status=$$?; \
	if [ $$status -eq 77 ]; then echo 'The tests with a real Ollama were skipped.'; exit 0; fi; \
	if [ $$status -ne 0 ]; then exit $$status; fi; \
	LLMTUI_OLLAMA=$$program exec $(PYTEST) -m ollama $(ARGS)

docs: $(INSTALLED_DEV) ## write the generated parts of README and docs anew
	@$(BIN)/python docs/generate.py

bench: $(INSTALLED_DEV) ## measure llmtui's own speed, memory and size
	@$(BIN)/python benchmarks/run.py $(ARGS)

bench-peers: $(INSTALLED_DEV) ## llmtui and its peers against the same known truth (ARGS="llmtui servebench")
	@PYTHONPATH=benchmarks $(BIN)/python -m peers.run $(ARGS)

clean: ## remove what make made in this folder; sessions and the cache of models stay
	rm -rf .venv build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache
	find llmtui tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): $(BIN)/python pyproject.toml constraints.txt
	@echo 'Installing llmtui and its embedded server into .venv ...'
	@$(PIP) install --quiet -c constraints.txt -e '.[embedded,refactor]'
	@touch $@

$(INSTALLED_DEV): $(BIN)/python pyproject.toml constraints.txt
	@echo 'Installing llmtui, its embedded server and the tools for its tests into .venv ...'
	@$(PIP) install --quiet -c constraints.txt -e '.[embedded,dev]'
	@touch $@ $(INSTALLED)

$(BIN)/python:
	@given='$(PYTHON)'; found=; \
	for python in $${given:-python3 python3.13 python3.12 python3.11}; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "llmtui needs Python 3.11 or newer, and $${given:-python3} is not; install one, or name it: make PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$found cannot make virtual environments; on Debian and Ubuntu run: sudo apt install python3-venv" >&2; \
	    exit 1; \
	fi; \
	echo "Making a virtual environment in .venv with $$("$$found" --version) ..."; \
	"$$found" -m venv --clear .venv
