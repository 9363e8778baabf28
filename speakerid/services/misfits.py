"""Turns that do not fit the speaker after whom their voice was named.

A cluster takes in turns of other people whom no voice of the recording fits better. The voiceprint does not: a turn
that is less likely this speaker than somebody else (llr below 0) goes to the voice that it fits best, or becomes one
more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from speakerid.diarization.turns import Talk
from speakerid.scoring.calibration import Calibration
from speakerid.services.tracks import Track, by_voice
from speakerid.types import FloatArray

EVEN_ODDS = 0.0  # llr


def moved(calibration: Calibration, track: Track, named: Mapping[int, FloatArray], *, more: bool = True) -> Track:
    """`named`: the voiceprint `(dim,)` of each voice with a name. All misfits of one voice stay together.

    Without `more`, misfits that fit no voice stay where they are.
    """
    judged = [row for row in range(len(track.talks)) if track.heard[row].any()]
    if not named or not judged:
        return track
    llrs = np.full((len(track.talks), len(track.speech)), -np.inf)
    llrs[judged] = _llrs(calibration, track, judged, named)
    voices = _voices(track, llrs, named, more)
    return track if voices == [talk.voice for talk in track.talks] else _with(track, voices)


def _llrs(
    calibration: Calibration, track: Track, judged: list[int], named: Mapping[int, FloatArray]
) -> NDArray[np.float64]:
    """`(judged, v)`: against the voiceprint where there is one, or else the voice as it was heard here."""
    models = [named.get(voice, probe) for voice, probe in enumerate(track.probes)]
    return calibration.compare(track.heard[judged], np.stack(models))


def _voices(track: Track, llrs: NDArray[np.float64], named: Mapping[int, FloatArray], more: bool) -> list[int]:
    """A voice for each talk; those that fit none get numbers behind the others."""
    others: dict[int, int] = {}
    found = []
    for talk, row in zip(track.talks, llrs, strict=True):
        voice = talk.voice
        if voice in named and np.isfinite(row[voice]) and row[voice] < EVEN_ODDS:
            best = int(row.argmax())
            if row[best] >= EVEN_ODDS:
                voice = best
            elif more:
                voice = others.setdefault(voice, len(track.speech) + len(others))
        found.append(voice)
    return found


def _with(track: Track, voices: list[int]) -> Track:
    """Numbered anew without gaps: a voice that lost all its talks is gone. One more is known by its longest talk."""
    numbers = {voice: nth for nth, voice in enumerate(dict.fromkeys(voices))}
    talks = tuple(Talk(talk.span, numbers[voice]) for talk, voice in zip(track.talks, voices, strict=True))
    probes = [track.probes[voice] if voice < len(track.speech) else _probe(track, voices, voice) for voice in numbers]
    speech = tuple(replace(track.speech[0], seconds=seconds) for seconds in by_voice(talks, track.alone_s))
    return replace(track, talks=talks, speech=speech, probes=np.stack(probes))


def _probe(track: Track, voices: list[int], voice: int) -> NDArray[np.float32]:
    rows = [row for row, one in enumerate(voices) if one == voice]
    probe: NDArray[np.float32] = track.heard[max(rows, key=lambda row: track.alone_s[row])]
    return probe
