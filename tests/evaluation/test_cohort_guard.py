"""Real speech: the bundled encoder's cohort beside recordings that it was made of, and beside others."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_cohort
from speakerid.encoders.registry import cohort_file, load_encoder
from speakerid.evaluation.backend import Backend
from speakerid.evaluation.cohort import MIN_SPEECH_S
from speakerid.evaluation.cohort_guard import cohort_stamps
from speakerid.evaluation.trees import speaker_tree


@pytest.mark.slow
def test_recordings_of_the_shipped_cohort_are_found(speech_root: Path) -> None:
    encoder = load_encoder("bundled")
    cohort = load_cohort(encoder, cohort_file("bundled"))
    assert cohort is not None
    backend = Backend("asnorm", cohort)
    preparer = Preparer(SileroVad())
    trees = [speaker_tree(speech_root / "librispeech" / part) for part in ("train", "dev")]
    own, others = ([preparer.prepare(files[0].read_bytes()) for files in list(one.values())[:12]] for one in trees)
    long_enough = sum(one.speech.seconds >= MIN_SPEECH_S for one in own)  # the others are not in the cohort
    assert long_enough >= 10
    (stamp,) = cohort_stamps(backend, encoder.embed([one.samples for one in own]), ())
    assert stamp.startswith(f"CONTAMINATED: at least {long_enough} of 12 tested recordings are in the cohort too.")
    assert cohort_stamps(backend, encoder.embed([one.samples for one in others]), ()) == []
