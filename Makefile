# Everything sets itself up: `make demo` and `make test` work on a fresh clone with Python 3.11+ and pip.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test check serve bench format clean

demo: $(READY)
	$(BIN)/speakerid demo

test: $(READY)
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "not slow"

serve: $(READY)
	$(BIN)/speakerid serve

bench: $(READY)
	$(BIN)/python -m speakerid.evaluation.bench

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# torch first and alone: 2.13.0 exactly, then every looser requirement on it is satisfied already.
$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("speakerid needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,train,postgres]'
	touch $@

clean:
	rm -rf .venv build dist *.egg-info
