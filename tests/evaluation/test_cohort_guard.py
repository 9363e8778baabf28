"""Real speech: the bundled encoder's cohort beside recordings that it was made of, and beside others."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.audio.decode import decode
from speakerid.bootstrap import load_cohort
from speakerid.encoders.registry import cohort_file, load_encoder
from speakerid.evaluation.backend import Backend
from speakerid.evaluation.cohort_guard import cohort_stamps
from speakerid.evaluation.trees import speaker_tree


@pytest.mark.slow
def test_recordings_of_the_shipped_cohort_are_found(speech_root: Path) -> None:
    encoder = load_encoder("bundled")
    cohort = load_cohort(encoder, cohort_file("bundled"))
    assert cohort is not None
    backend = Backend("asnorm", cohort)
    parts = [speaker_tree(speech_root / "librispeech" / part) for part in ("train", "dev")]
    own, others = (
        encoder.embed([decode(files[0].read_bytes()) for files in list(tree.values())[:12]]) for tree in parts
    )
    (stamp,) = cohort_stamps(backend, own, ())
    assert stamp.startswith("CONTAMINATED: at least 10 of 12 tested recordings are in the cohort too.")
    assert cohort_stamps(backend, others, ()) == []
