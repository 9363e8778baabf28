"""Utterances to enroll, cut from recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.prepare import Preparer
from speakerid.encoders.embedding import split_equally
from speakerid.types import FloatArray

LONGEST_SAMPLES = 6 * SAMPLE_RATE_HZ  # a recording of 14 s becomes three utterances


@dataclass(frozen=True)
class DevUtterance:
    """One utterance as it was recorded, with its pauses."""

    voice: str  # whose it is; the name of the file where that is not known
    samples: FloatArray


def pieces(data: Mapping[str, Sequence[Path]], preparer: Preparer) -> list[DevUtterance]:
    """Recordings of `data` (files by speaker) cut into equal pieces of 6 s at most."""
    return [
        DevUtterance(voice, piece)
        for voice, files in data.items()
        for file in files
        for piece in split_equally(preparer.decode(read_file(file)), LONGEST_SAMPLES)
    ]


def single(files: Sequence[Path], preparer: Preparer) -> list[DevUtterance]:
    """Whole recordings of one voice each, it is not known whose."""
    return [DevUtterance(file.name, preparer.decode(read_file(file))) for file in files]
