from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.development_sets import LONGEST_S, SHORTEST_S, DevSets, _call, _emotion
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.training.held_out import DevSet
from speakerid.training.speech import Source


@pytest.mark.slow
def test_files_of_a_field_set_become_pieces_of_clean_speech(speech_root: Path) -> None:
    sets = DevSets(speech_root)
    made: DevSet = sets._files("homes", sets._list("homes")[:12], 2, lambda source: str(source.path))
    assert len(set(made.speakers)) > 2
    assert len(set(made.recordings)) == len(made.waves) == 2 * len(set(made.speakers))
    assert all(SHORTEST_S <= len(wave) / SAMPLE_RATE_HZ <= LONGEST_S for wave in made.waves)


def test_calls_and_emotions_are_the_recordings() -> None:
    assert _call(Source(Path("spk001_m/s00110_spkph_002.flac"), "calls")) == "s00110"
    assert _emotion(Source(Path("EB0/EB0_anger_22.opus"), "emotion_pl")) == "anger"
