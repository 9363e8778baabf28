"""Speech while it goes on, beside what is found in the whole recording."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from speakerid.audio.conditioning import rechunked
from speakerid.audio.decode import decode
from speakerid.audio.long_audio_reader import SEGMENTS
from speakerid.audio.streaming_vad import StreamingVad
from speakerid.audio.vad import SileroVad, VadOptions
from speakerid.types import FloatArray, Span
from tests.sampled import ADA, BEN, probe, silence

VAD = SileroVad(VadOptions(SEGMENTS))
PAUSE = np.zeros(12_000, np.float32)
BLOCK = 1_536


def joined(segments: Iterable[Span], longest_pause: int) -> list[Span]:
    """Stretches that no pause of more than `longest_pause` interrupts."""
    found: list[Span] = []
    for start, end in segments:
        if found and start - found[-1][1] <= longest_pause:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def talk(level: float = 1.0) -> FloatArray:
    return np.concatenate([PAUSE, decode(probe(ADA)), PAUSE, decode(probe(BEN)), PAUSE]) * np.float32(level)


def spans_of(samples: FloatArray, block: int = BLOCK) -> list[Span]:
    ongoing = StreamingVad(VAD)
    found: list[Span] = []
    for piece in rechunked([samples], block):
        ongoing.process(piece)
        found += ongoing.take_ended()
    ongoing.finish()
    return found + ongoing.take_ended()


@pytest.mark.parametrize("level", [1.0, 0.1, 0.02])
def test_it_is_what_the_whole_recording_has(level: float) -> None:
    samples = talk(level)
    found, expected = spans_of(samples), joined(VAD.speech_segments(samples), 4_800)
    assert len(found) == len(expected)
    assert np.abs(np.array(found) - np.array(expected)).max() <= 3 * 512


def test_how_it_is_cut_makes_no_difference() -> None:
    assert spans_of(talk(), 512) == spans_of(talk(), 512 * 40)


def test_a_stretch_is_known_while_it_goes_on() -> None:
    ongoing = StreamingVad(VAD)
    seen: list[Span] = []
    for piece in rechunked([talk()[:60_000]], BLOCK):
        ongoing.process(piece)
        seen += [ongoing.stretch] if ongoing.stretch else []
    assert ongoing.take_ended() == []
    assert len({start for start, _ in seen}) == 1
    assert [end for _, end in seen] == sorted(end for _, end in seen)
    assert seen[-1][1] >= 55_000


def test_silence_has_none() -> None:
    assert spans_of(decode(silence())) == []
    assert spans_of(np.zeros(64_000, np.float32)) == []
    assert spans_of(np.zeros(0, np.float32)) == []


def test_the_beginning_of_faint_noise_is_no_speech() -> None:
    noise = np.random.default_rng(0).standard_normal(48_000).astype(np.float32) * np.float32(0.003)
    assert spans_of(noise) == []
