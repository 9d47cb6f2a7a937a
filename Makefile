# Two commands do everything: `make demo` and `make test`. `make check` adds format, lint, types and import rules.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 2
export OPENBLAS_NUM_THREADS ?= 1
export POLARS_MAX_THREADS ?= 2
export OMP_WAIT_POLICY ?= passive
export MLFLOW_DISABLE_TELEMETRY := true
export HF_HUB_OFFLINE := 1

.PHONY: demo test check reality format clean

demo: $(VENV)/training.installed  ## the whole way: sample → import → embed → train → promote → score → serve (ONCE=1: and exit)
	$(BIN)/python demo.py $(if $(ONCE),--once)

test: export OMP_NUM_THREADS = 1
test: export POLARS_MAX_THREADS = 1
test: $(VENV)/dev.installed  ## every test, a process a core and a thread a process
	$(BIN)/pytest --numprocesses 2 --dist loadfile

check: $(VENV)/dev.installed  ## format, lint, strict types, import rules, then every test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

reality: $(VENV)/dev.installed  ## every layer on real input; needs the real data sets
	$(BIN)/python -m benchmarks.reality

format: $(VENV)/dev.installed  ## mend what a program can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## a clean start: everything the program wrote
	rm -rf var

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Skillpath needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/training.installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[training]"
	touch $@

$(VENV)/dev.installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[training,dev]"
	touch $@ $(VENV)/training.installed
