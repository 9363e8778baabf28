"""Turns against the voiceprint after which their voice was named, with made embeddings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speakerid.diarization.turns import Talk
from speakerid.scoring.calibration import generic
from speakerid.services.misfits import moved
from speakerid.services.tracks import Track
from speakerid.types import Speech

SECOND = 16_000
ADA, BEN, CAT = np.eye(3, dtype=np.float32)
NOTHING = np.zeros(3, np.float32)
SPEECH = Speech(4.0, 20.0, 0.0, 8_000)
CALIBRATION = replace(generic("made"), slope=8.0, intercept=-4.0)
NAMED = {0: ADA}


def track(*said: tuple[int, np.ndarray]) -> Track:
    """Voice and embedding of talks of two seconds; voice 0 is Ada, voice 1 is Ben."""
    talks = tuple(Talk((2 * nth * SECOND, (2 * nth + 2) * SECOND), voice) for nth, (voice, _) in enumerate(said))
    speech = (SPEECH,) * len({voice for voice, _ in said})
    heard = np.stack([one for _, one in said])
    return Track(None, 60.0, talks, (2.0,) * len(talks), speech, np.stack([ADA, BEN])[: len(speech)], heard, ())


def voices(found: Track) -> list[int]:
    return [talk.voice for talk in found.talks]


def test_what_fits_stays() -> None:
    given = track((0, ADA), (1, BEN), (0, ADA))
    assert moved(CALIBRATION, given, NAMED) is given


def test_a_misfit_goes_to_the_voice_that_it_fits() -> None:
    found = moved(CALIBRATION, track((0, ADA), (1, BEN), (0, BEN)), NAMED)
    assert voices(found) == [0, 1, 1]
    assert [one.seconds for one in found.speech] == [2.0, 4.0]


def test_misfits_that_fit_nobody_are_one_more_voice() -> None:
    found = moved(CALIBRATION, track((0, ADA), (0, CAT), (1, BEN), (0, CAT)), NAMED)
    assert voices(found) == [0, 1, 2, 1]
    assert found.probes.tolist() == [ADA.tolist(), CAT.tolist(), BEN.tolist()]
    assert [one.seconds for one in found.speech] == [2.0, 4.0, 2.0]


def test_where_the_number_is_known_there_are_no_more_voices() -> None:
    found = moved(CALIBRATION, track((0, ADA), (0, CAT), (1, BEN), (0, BEN)), NAMED, more=False)
    assert voices(found) == [0, 0, 1, 1]


def test_a_voice_without_talks_is_gone() -> None:
    found = moved(CALIBRATION, track((0, BEN), (1, BEN)), NAMED)
    assert (voices(found), len(found.speech), found.probes.tolist()) == ([0, 0], 1, [BEN.tolist()])


def test_only_named_voices_and_talks_long_enough_are_judged() -> None:
    given = track((0, NOTHING), (1, CAT), (0, ADA))
    assert moved(CALIBRATION, given, NAMED) is given
    assert moved(CALIBRATION, given, {}) is given
