"""Request bodies and documented examples. Answers are the dataclasses of `speakerid.types` themselves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from speakerid.api.examples import BEN
from speakerid.services.galleries import GallerySettings
from speakerid.services.speakers import SpeakerFields
from speakerid.types import CohortKind, Combining


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")  # a misspelled field is an error, not a silent nothing


class GalleryChange(_Body):
    target_fpir: float | None = Field(None, gt=0, lt=1, description="Accepted chance that a stranger is named.")
    min_speech_seconds: float | None = Field(None, ge=0, le=600, description="Net speech a recording needs.")
    enroll_speech_seconds: float | None = Field(None, ge=0, le=600, description="Net speech that completes enrollment.")
    keep_audio: bool | None = Field(
        None, description="Keep the bytes of enrollment utterances, to re-embed them later."
    )

    combining: Combining | None = Field(
        None,
        description="How utterances become a voiceprint: their mean, or weighted by their seconds of speech.",
    )

    def settings(self) -> GallerySettings:
        return GallerySettings(
            self.target_fpir, self.min_speech_seconds, self.enroll_speech_seconds, self.keep_audio, self.combining
        )


class CalibrationChoice(_Body):
    cohort: CohortKind = Field(
        "encoder",
        description="Whose voices scores are normalized with: those shipped with the encoder, or the gallery's own "
        "speakers, 100 or more. Of these nothing is copied: they are looked up at the time of each question.",
    )


class GalleryCreate(GalleryChange):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", examples=["team"])


class SpeakerChange(_Body):
    name: str | None = Field(None, min_length=1, max_length=200, examples=["Ada"])
    external_id: str | None = Field(None, min_length=1, max_length=200, examples=["hr-4711"])
    metadata: dict[str, Any] | None = Field(None, examples=[{"team": "analysis"}])
    consent: dict[str, Any] | None = Field(None, examples=[{"given": "2026-01-31", "scope": "meetings"}])

    def fields(self) -> SpeakerFields:
        return SpeakerFields(self.name, self.external_id, self.metadata, self.consent)


class SpeakerCreate(SpeakerChange):
    name: str = Field(min_length=1, max_length=200, examples=["Ada"])


class MergeInto(_Body):
    into: str = Field(max_length=64, description="The speaker that stays.", examples=[BEN.id])


class MoveTo(_Body):
    to: str = Field(max_length=64, description="The speaker whose voice it is.", examples=[BEN.id])


AUDIO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "WAV, FLAC, MP3, OGG/Opus, WebM/Opus, M4A or G.711 WAV; any rate. The content is sniffed.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "audio/*": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}
