"""Names in a recording that are right and wrong, on a grid of 10 ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from benchmarks.recordings.reference import STRANGER, ReferenceTurn

FRAMES_PER_S = 100
BORDER_S, NEAR_S = 0.25, 0.5  # on either side


@dataclass(frozen=True)
class NamingErrors:
    """Seconds of speech, of voices, and of recordings."""

    hours: float
    strangers: float  # speech of people who are not enrolled
    strangers_named: float  # of it, given the name of somebody who does not speak there
    at_borders: float  # of that, within `BORDER_S` of speech of whose name it was given
    near_borders: float  # further off, within `NEAR_S`
    shared: float  # of all of it, while somebody else who is enrolled speaks
    known: float  # speech of enrolled people
    known_named: float  # of it, under the right name
    wrong_names: int  # voices with a name whose owner speaks in less than half of them
    names: int  # voices with a name
    names_twice: int  # names that two voices of one recording were given

    def __add__(self, other: NamingErrors) -> NamingErrors:
        return NamingErrors(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})


def naming_errors(
    truth: Sequence[ReferenceTurn], voices: Sequence[tuple[str, Sequence[ReferenceTurn]]], seconds: float
) -> NamingErrors:
    """`truth` with STRANGER for all who are not enrolled; `voices`: the name of each voice and its turns."""
    speaks = {name: frames([one for one in truth if one.speaker == name], seconds) for name in _speakers(truth)}
    stranger = speaks.pop(STRANGER, np.zeros(_count(seconds), np.bool_))
    wrongly, at_border, near = (np.zeros(_count(seconds), np.bool_) for _ in range(3))
    known_named, wrong_names, named = 0.0, 0, [voice for voice in voices if voice[0] != STRANGER]
    for name, turns in named:
        answered = frames(turns, seconds)
        own = speaks.get(name, np.zeros_like(answered))
        wrongly |= answered & ~own
        at_border |= answered & ~own & around(own, BORDER_S)
        near |= answered & ~own & around(own, NEAR_S)
        known_named += float((answered & own).sum()) / FRAMES_PER_S
        wrong_names += int((answered & own).sum() < 0.5 * (answered & (stranger | _any(speaks, answered))).sum())
    return NamingErrors(
        hours=seconds / 3600.0,
        strangers=float(stranger.sum()) / FRAMES_PER_S,
        strangers_named=float((stranger & wrongly).sum()) / FRAMES_PER_S,
        at_borders=float((stranger & at_border).sum()) / FRAMES_PER_S,
        near_borders=float((stranger & near & ~at_border).sum()) / FRAMES_PER_S,
        shared=float((stranger & wrongly & _any(speaks, wrongly)).sum()) / FRAMES_PER_S,
        known=sum(float(own.sum()) for own in speaks.values()) / FRAMES_PER_S,
        known_named=known_named,
        wrong_names=wrong_names,
        names=len(named),
        names_twice=len(named) - len({name for name, _ in named}),
    )


def around(flags: NDArray[np.bool_], reach_s: float) -> NDArray[np.bool_]:
    """`(n,)` frames -> those that lie at most `reach_s` from a true one, `(n,)`."""
    from scipy.ndimage import maximum_filter1d

    found: NDArray[np.bool_] = maximum_filter1d(flags, 2 * round(reach_s * FRAMES_PER_S) + 1)
    return found


def _speakers(truth: Sequence[ReferenceTurn]) -> list[str]:
    return sorted({one.speaker for one in truth})


def _any(speaks: dict[str, NDArray[np.bool_]], like: NDArray[np.bool_]) -> NDArray[np.bool_]:
    somebody = np.zeros_like(like)
    for own in speaks.values():
        somebody |= own
    return somebody


def _count(seconds: float) -> int:
    return int(seconds * FRAMES_PER_S) + 1


def frames(turns: Sequence[ReferenceTurn], seconds: float) -> NDArray[np.bool_]:
    """Which frames of a recording of so many seconds lie in any of `turns`."""
    inside = np.zeros(_count(seconds), np.bool_)
    for one in turns:
        inside[round(one.start * FRAMES_PER_S) : round(one.end * FRAMES_PER_S)] = True
    return inside
