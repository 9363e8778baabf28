"""Request bodies and documented examples. Answers are the dataclasses of `speakerid.types` themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from speakerid.api.examples import BEN
from speakerid.api.parameters import ACCEPT
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.stream_decoder import Encoding, StreamFormat
from speakerid.db.models import TAG_LENGTH
from speakerid.errors import InvalidRequest, TooManyChannels
from speakerid.services.galleries import GallerySettings
from speakerid.services.speakers import CandidateFilter, SpeakerFields
from speakerid.services.validation import MOST_TAGS
from speakerid.types import Combining

A_TAG: JsonDict = {"minLength": 1, "maxLength": TAG_LENGTH, "pattern": "^[^,]*$"}


class StrictModel(BaseModel):
    # A misspelled field is an error, not a silent nothing; nor is 0 taken for false, or "1" for a number.
    model_config = ConfigDict(extra="forbid", strict=True)


class GalleryChange(StrictModel):
    target_fpir: float | None = Field(None, gt=0, lt=1, description="Accepted chance that a stranger is named.")
    min_speech_seconds: float | None = Field(None, ge=0, le=600, description="Net speech a recording needs.")
    enroll_speech_seconds: float | None = Field(None, ge=0, le=600, description="Net speech that completes enrollment.")
    keep_audio: bool | None = Field(
        None, description="Keep the bytes of enrollment utterances, to re-embed them later."
    )
    keep_unknown_voices: bool | None = Field(
        None,
        description="Keep the voiceprints of people in recordings who are not enrolled, to recognize them in later "
        "ones. Switching it off forgets all that were kept.",
    )

    combining: Combining | None = Field(
        None,
        description="How utterances become a voiceprint: their mean, or weighted by their seconds of speech.",
    )

    def settings(self) -> GallerySettings:
        return GallerySettings(**self.model_dump(exclude={"name"}))


class GalleryCreate(GalleryChange):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", examples=["team"])


class SpeakerChange(StrictModel):
    name: str | None = Field(None, min_length=1, max_length=200, examples=["Ada"])
    external_id: str | None = Field(None, min_length=1, max_length=200, examples=["hr-4711"])
    metadata: dict[str, Any] | None = Field(None, examples=[{"team": "analysis"}])
    consent: dict[str, Any] | None = Field(
        None,
        description="Any object. `expires_at`, a day, a time or a span such as 365d, ends it: then the speaker is not "
        "recognized any more. `given_at` is a day or a time, `purpose` a text.",
        examples=[{"purpose": "minutes of meetings", "given_at": "2026-01-31", "expires_at": "2027-01-31"}],
    )

    tags: list[Annotated[str, Field(json_schema_extra=A_TAG)]] | None = Field(
        None,
        json_schema_extra={"maxItems": MOST_TAGS},
        description="Words to pick speakers by, in place of those there were; kept in small letters, each once.",
        examples=[["staff", "berlin"]],
    )

    def fields(self) -> SpeakerFields:
        return SpeakerFields(self.name, self.external_id, self.metadata, self.consent, self.tags)


class SpeakerCreate(SpeakerChange):
    name: str = Field(min_length=1, max_length=200, examples=["Ada"])


class MergeInto(StrictModel):
    into: str = Field(max_length=64, description="The speaker that stays.", examples=[BEN.id])


class MoveTo(StrictModel):
    to: str = Field(max_length=64, description="The speaker who speaks in it.", examples=[BEN.id])


class SplitOff(SpeakerCreate):
    """The new speaker, and what they said."""

    utterances: list[Annotated[str, Field(max_length=64)]] = Field(
        min_length=1, max_length=10_000, description="Ids of utterances of the speaker in the path, not all of them."
    )


class Promote(SpeakerChange):
    name: str | None = Field(None, min_length=1, max_length=200, description="Of a new speaker.", examples=["Ada"])
    speaker_id: str | None = Field(None, max_length=64, description="The existing speaker who it is.")
    accept: str = Field("", max_length=200, pattern=ACCEPT, description="Refusals of the enrollment coach to override.")

    def into(self) -> SpeakerFields | str:
        """A new speaker, or the id of an existing one. Raises InvalidRequest for both or neither."""
        if self.speaker_id is None:
            return self.fields()
        if self.fields() != SpeakerFields():
            raise InvalidRequest("'speaker_id' is a speaker who exists. Send nothing else that describes a speaker.")
        return self.speaker_id


class StreamConfig(StrictModel):
    """The first message of a live stream."""

    type: Literal["config"] = "config"
    encoding: Encoding = "pcm_s16le"
    sample_rate_hz: int = SAMPLE_RATE_HZ
    channels: int = Field(1, ge=1)
    candidates: list[str] | None = Field(None, max_length=1000)
    tags: list[str] | None = Field(None, max_length=1000)
    classifiers: list[str] = Field([], max_length=8)
    key: str | None = Field(None, max_length=200)

    def incoming(self, max_channels: int) -> StreamFormat:
        """Raises UnsupportedAudio, TooManyChannels."""
        if self.channels > max_channels:
            raise TooManyChannels(self.channels, max_channels)
        incoming = StreamFormat(self.encoding, self.sample_rate_hz, self.channels)
        incoming.check()
        return incoming

    def only(self) -> CandidateFilter:
        return CandidateFilter.of(self.candidates, self.tags)
