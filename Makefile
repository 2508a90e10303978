# Two commands do everything on a machine with Python 3.11 and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := notelens-demo

.PHONY: help setup demo app milvus-server lint test check clean

help:
	@echo "make demo    make 3,000 demo notes, index them, show similar notes, train on their clicks"
	@echo "make app     browse the demo index in a web page on this machine"
	@echo "make test    run the tests"
	@echo "make check   ruff, mypy, import rules, then the tests"

setup: $(VENV)/.ready

# uv fetches in parallel and links from its cache; where it cannot be had or fails, pip does the same more slowly.
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "notelens needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing (a few minutes and about 7 GB the first time: torch is large)"
	$(BIN)/python -m pip install -q uv \
	  && $(BIN)/python -m uv pip install -q --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev,milvus,train]' \
	  || $(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,milvus,train]'
	touch $@

demo: setup
	$(BIN)/notelens demo $(DEMO)

app: setup
	test -f $(DEMO)/index/index.json || $(BIN)/notelens demo $(DEMO)
	$(BIN)/notelens app $(DEMO)/index

# A real Milvus for the tests that want one, in an environment of its own; without it they are skipped.
milvus-server: .milvus/venv/bin/milvus-server

.milvus/venv/bin/milvus-server:
	$(PYTHON) -m venv .milvus/venv
	.milvus/venv/bin/python -m pip install -q --no-deps milvus==2.3.5

# Two processes of one thread each take half of what one of two threads takes; memory bounds their number (2 GB each).
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

clean:
	rm -rf $(VENV) .milvus $(DEMO)
