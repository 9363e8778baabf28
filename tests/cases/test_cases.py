"""Audio files as people have them give the voice that is in them, say what they lost, or get an error that says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr

from speakerid import samples
from speakerid.audio.decode import CleanSpeech, Preparer, decode
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.encoders.base import Encoder
from speakerid.encoders.registry import load_encoder
from speakerid.errors import AudioError
from speakerid.types import FloatArray
from tests.cases import documents, matroska, mp4, mpeg, ogg, others, riff
from tests.cases.case import Case, Cases

ALL: Cases = {
    name: case
    for cases in (riff.CASES, mpeg.CASES, mp4.CASES, ogg.CASES, matroska.CASES, others.CASES, documents.CASES)
    for name, case in cases.items()
}
VOICE = decode(samples.voices()["festival-lj"].probes[0].read_bytes())[: 4 * SAMPLE_RATE_HZ]
PREPARER = Preparer(SileroVad())
LOST = 0.4  # relative: what is lost is known by pages or by bytes
FIELD = Path(__file__).resolve().parents[2].parent / "shared" / "cases"
PLAIN = "plain.wav"
FIELD_COSINE = 0.965
FIELD_CASES = {"antiphase.wav": 8_000}  # Hz, where it is not 16,000


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("ecapa-mini")


def cosine(encoder: Encoder, found: CleanSpeech, voice: FloatArray, hz: int) -> float:
    """To the embedding of `voice` (n,) at 16 kHz, as it would be at `hz`."""
    there = voice if hz == SAMPLE_RATE_HZ else soxr.resample(voice, SAMPLE_RATE_HZ, hz)
    plain = voice if hz == SAMPLE_RATE_HZ else soxr.resample(there, hz, SAMPLE_RATE_HZ)
    first, second = encoder.embed([found.samples, PREPARER.clean(np.asarray(plain, np.float32)).samples])
    return float(first @ second)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in ALL.items() if case.code is None])
def test_the_voice_in_a_file_is_found(encoder: Encoder, case: Case) -> None:
    found = PREPARER.prepare(case.make(VOICE))
    assert cosine(encoder, found, VOICE, case.hz) >= case.cosine
    assert found.lost_s == pytest.approx(case.lost_s or 0.0, rel=LOST, abs=0.1)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in ALL.items() if case.code is not None])
def test_what_cannot_be_used_is_named(case: Case) -> None:
    with pytest.raises(AudioError) as caught:
        PREPARER.prepare(case.make(VOICE))
    assert caught.value.code == case.code
    assert case.says.lower() in str(caught.value).lower()


def test_names_of_cases_are_used_once() -> None:
    every = (riff, mpeg, mp4, ogg, matroska, others, documents)
    assert len(ALL) == sum(len(module.CASES) for module in every)


@pytest.mark.skipif(not (FIELD / PLAIN).is_file(), reason="needs ../shared/cases")
@pytest.mark.parametrize("file", sorted(set(FIELD.glob("*.*")) - set(FIELD.glob("*.md"))), ids=lambda file: file.name)
def test_files_of_public_reports_give_their_voice(encoder: Encoder, file: Path) -> None:
    voice = decode((FIELD / PLAIN).read_bytes())
    found = PREPARER.prepare(file.read_bytes())
    assert found.lost_s == 0.0
    assert cosine(encoder, found, voice, FIELD_CASES.get(file.name, SAMPLE_RATE_HZ)) >= FIELD_COSINE
