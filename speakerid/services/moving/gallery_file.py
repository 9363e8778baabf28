"""The format of a gallery's file: a zip of JSON Lines and npz, described in docs/moving.md.

Part after part, each with whole speakers and all of their utterances in the order of the store, and the manifest at
the end: it can be written and read as it goes. What is read is bounded before it is trusted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter

from speakerid.encoders.base import label_of
from speakerid.types import Combining, EnrollmentRefusal, GalleryExport

FORMAT = "speakerid-gallery"
VERSION = 2  # 1 had no tags
MANIFEST = "manifest.json"
KINDS = ("speakers", "utterances", "embeddings", "fingerprints", "audio")  # files of a part
MOST_LEFT_OUT = 100  # ids of damaged rows that are named
# A part is full with so many utterances, or speakers, or bytes of audio; the last speaker's utterances still go in.
PART_ROWS = 5_000
PART_AUDIO_BYTES = 64 * 1024 * 1024
# What is read: in one part, in one line, in one file of the zip, and in its table of contents.
MOST_ROWS = 50_000
MOST_LINE_BYTES = 256 * 1024
MOST_MEMBER_BYTES = 256 * 1024 * 1024
MOST_MANIFEST_BYTES = 8 * 1024 * 1024
MOST_DIRECTORY_BYTES = 4 * 1024 * 1024
MOST_INFLATION = 100  # bytes out of one byte of the zip, on the whole; exports have at most 10
_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
Count = Annotated[int, Field(ge=0, le=10**9)]
SpeakerIdText = Annotated[str, Field(pattern=f"^spk_{_ULID}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Label = Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True)
class SpeakerLine:
    __pydantic_config__ = _STRICT

    id: SpeakerIdText
    name: str
    external_id: str | None
    metadata: dict[str, Any]
    consent: dict[str, Any]
    opted_out_at: AwareDatetime | None  # nothing of their voice is here then
    created_at: AwareDatetime
    tags: list[str] = field(default_factory=list)  # not in files from before there were any


@dataclass(frozen=True)
class UtteranceLine:
    """Its embedding is the row of the part's npz with the number of this line."""

    __pydantic_config__ = _STRICT

    id: Annotated[str, Field(pattern=f"^utt_{_ULID}$")]
    speaker: SpeakerIdText
    sha256: Sha256
    speech_seconds: Annotated[float, Field(ge=0, le=1e6)]
    snr_db: float | None
    clipping_ratio: Annotated[float, Field(ge=0, le=1)]
    bandwidth_hz: Annotated[int, Field(ge=0, le=10**6)]
    voices: Annotated[int, Field(ge=0, le=1000)] | None
    accepted: list[EnrollmentRefusal]
    # In the part's fingerprints of takes (audio/fingerprint.py) and in its audio, one after the other.
    fingerprint_bytes: Annotated[int, Field(ge=1, le=MOST_LINE_BYTES)] | None
    audio_bytes: Annotated[int, Field(ge=1, le=MOST_MEMBER_BYTES)] | None
    created_at: AwareDatetime


@dataclass(frozen=True)
class GalleryLine:
    __pydantic_config__ = _STRICT

    name: str
    target_fpir: float
    min_speech_seconds: float
    enroll_speech_seconds: float
    keep_audio: bool
    combining: Combining
    keep_unknown_voices: bool
    calibration: dict[str, Any] | None  # fitted on the gallery itself


@dataclass(frozen=True)
class EncoderLine:
    __pydantic_config__ = _STRICT

    name: Label
    fingerprint: Label
    dim: Annotated[int, Field(ge=1, le=65_536)] | None  # None where there is no utterance


@dataclass(frozen=True)
class MemberLine:
    __pydantic_config__ = _STRICT

    name: Annotated[
        str, Field(pattern=r"^(speakers|utterances|embeddings|fingerprints|audio)-[0-9]{5}\.(jsonl|npz|bin)$")
    ]
    bytes: Count
    sha256: Sha256


@dataclass(frozen=True)
class PartLine:
    """Files of the zip; those of nothing are left out."""

    __pydantic_config__ = _STRICT

    speakers: Annotated[int, Field(ge=1, le=MOST_ROWS)]
    utterances: Annotated[int, Field(ge=0, le=MOST_ROWS)]
    audio: Annotated[int, Field(ge=0, le=MOST_ROWS)]
    files: list[MemberLine]

    def member(self, kind: str) -> MemberLine | None:
        return next((one for one in self.files if one.name.startswith(f"{kind}-")), None)


@dataclass(frozen=True)
class Manifest:
    __pydantic_config__ = _STRICT

    format: str
    version: int
    written_by: Label
    written_at: datetime
    gallery: GalleryLine
    encoder: EncoderLine
    speakers: Count
    utterances: Count
    audio: Count
    left_out: list[str]
    parts: Annotated[list[PartLine], Field(max_length=10_000)]

    def summary(self) -> GalleryExport:
        return GalleryExport(
            gallery=self.gallery.name,
            speakers=self.speakers,
            utterances=self.utterances,
            audio=self.audio,
            encoder=label_of(self.encoder.name, self.encoder.fingerprint),
            left_out=tuple(self.left_out),
        )


SPEAKER = TypeAdapter(SpeakerLine)
UTTERANCE = TypeAdapter(UtteranceLine)
MANIFEST_OF = TypeAdapter(Manifest)
