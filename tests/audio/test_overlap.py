"""Where two speak at once: how a recording is gone through, and what is found in real voices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from speakerid.audio.decode import decode
from speakerid.audio.files import read_file
from speakerid.audio.overlap import FRAME_SAMPLES, FRAMES, HEARD, WINDOW, OverlapDetector, power_spectra
from speakerid.audio.pieces import read_spans
from speakerid.audio.vad import SileroVad, Spoken
from speakerid.evaluation.trees import speaker_tree
from speakerid.types import FloatArray, Span

SECOND = 16_000


class Loud(OverlapDetector):
    """Takes every loud frame for two voices, and counts what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def probabilities(self, samples: FloatArray) -> FloatArray:
        assert samples.shape == (1, HEARD)
        self.asked += 1
        loud: FloatArray = np.abs(samples).reshape(len(samples), FRAMES, FRAME_SAMPLES).max(axis=2)
        return loud


def loud_in(samples: FloatArray, speech: Span) -> tuple[list[Span], int]:
    def read(spans: Sequence[Span]) -> Iterator[FloatArray]:
        return read_spans([samples], spans)

    detector = Loud()
    return list(detector.stream(read, Spoken(len(samples), (speech,)))), detector.asked


@pytest.mark.parametrize(
    "span", [(0, SECOND), (3 * SECOND, 9 * SECOND), (7 * SECOND, 8 * SECOND), (27 * SECOND, 28 * SECOND)]
)
def test_what_is_found_lies_where_it_was_heard(span: Span) -> None:
    samples = np.zeros(28 * SECOND, np.float32)
    samples[slice(*span)] = 1.0
    assert loud_in(samples, (0, len(samples)))[0] == [span]


@pytest.mark.parametrize("length", [SECOND, 4 * SECOND + 1, 8 * SECOND + 1, 9 * SECOND + 7, 319])
def test_recordings_of_any_length(length: int) -> None:
    found, _ = loud_in(np.ones(length, np.float32), (0, length))
    assert found == ([(0, length)] if length > 4_800 else [])  # 300 ms at least


def test_no_speech() -> None:
    assert OverlapDetector().stream(lambda spans: iter(()), Spoken(10 * SECOND, ())) == ()


def test_only_where_there_is_speech_it_listens() -> None:
    found, asked = loud_in(np.ones(100 * SECOND, np.float32), (41 * SECOND, 42 * SECOND))
    assert (found, asked) == ([(40 * SECOND, 44 * SECOND)], 1)
    assert loud_in(np.ones(100 * SECOND, np.float32), (39 * SECOND, 41 * SECOND))[1] == 2


def test_a_frame_lies_in_the_middle_of_its_window() -> None:
    click = np.zeros((1, HEARD), np.float32)
    click[0, 10 * FRAME_SAMPLES + FRAME_SAMPLES // 2] = 1.0
    spectra = power_spectra(click)
    assert spectra.shape == (1, FRAMES, WINDOW // 2 + 1)
    assert int(spectra[0].sum(axis=1).argmax()) == 10


def test_silence_overlaps_with_nothing() -> None:
    found = OverlapDetector().probabilities(np.zeros((2, HEARD), np.float32))
    assert found.shape == (2, FRAMES)
    assert found.max() < 0.5


def test_two_real_voices_at_once(speech_root: Path) -> None:
    """Of every two speakers: one alone for 4 s, both for 4 s, the other alone for 4 s."""
    people = speaker_tree(speech_root / "librispeech/dev").values()
    spoken = [np.concatenate([decode(read_file(file)) for file in files])[: 8 * SECOND] for files in people]
    level = [one / np.sqrt(np.mean(one**2)) * np.float32(0.05) for one in spoken]
    both, told = list[NDArray[np.bool_]](), list[NDArray[np.bool_]]()
    for one, other in combinations(level, 2):
        sides = [np.pad(one, (0, 4 * SECOND)), np.pad(other, (4 * SECOND, 0))]
        mixed = sides[0] + sides[1]
        spans = OverlapDetector().stream(partial(read_spans, [mixed]), Spoken(len(mixed), ((0, len(mixed)),)))
        told.append(inside(spans, len(mixed)))
        both.append(np.logical_and(*(inside(SileroVad().speech_segments(side), len(mixed)) for side in sides)))
    truth, answer = np.concatenate(both), np.concatenate(told)
    assert answer[truth].mean() > 0.5
    assert answer[~truth].mean() < 0.05


def inside(spans: Sequence[Span], total: int) -> NDArray[np.bool_]:
    found = np.zeros(total, np.bool_)
    for start, end in spans:
        found[start:end] = True
    return found
