"""The form of a transcription request, as OpenAI's clients write it: every field is taken, or refused by its name."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self, get_args

from speakerid.errors import InvalidRequest, TranscriptionRefused
from speakerid.names import name_key, quoted
from speakerid.services import validation
from speakerid.services.transcribe import KnownSpeaker
from speakerid.types import Hints

ResponseFormat = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]
Granularity = Literal["word", "segment"]
MODEL, FORMAT, LANGUAGE, PROMPT, TEMPERATURE = "model", "response_format", "language", "prompt", "temperature"
CHUNKING, STREAM, GRANULARITIES = "chunking_strategy", "stream", "timestamp_granularities"
NAMES, REFERENCES = "known_speaker_names", "known_speaker_references"
ONE = (MODEL, FORMAT, LANGUAGE, PROMPT, TEMPERATURE, CHUNKING, STREAM)
STREAMED: tuple[ResponseFormat, ...] = ("json", "text", "diarized_json")
SEVERAL = (NAMES, REFERENCES, GRANULARITIES)
REFUSED = {
    "include": "log probabilities of tokens are not given. Leave it out.",
    "keywords": "the transcriber takes no list of words. Put them into 'prompt', as part of a sentence.",
    "languages": "send the one language as 'language', or leave it out.",
}
FIELDS = (*ONE, *SEVERAL, *REFUSED)
MODEL_LENGTH, LANGUAGE_LENGTH, PROMPT_LENGTH = 64, 8, 4_000
MOST_KNOWN = 4
EXAMPLE = "data:audio/wav;base64,UklGRg…"
HEAD_LENGTH = 200  # of a data URL, up to the comma


@dataclass(frozen=True)
class TranscriptionForm:
    """What is asked about `audio`."""

    audio: bytes = field(repr=False)
    model: str
    response_format: ResponseFormat
    known: tuple[KnownSpeaker, ...]
    hints: Hints
    granularities: frozenset[Granularity]
    stream: bool = False  # as events

    @classmethod
    def of(cls, audio: bytes, values: Iterable[tuple[str, str]]) -> Self:
        """`values` as they came: a list's field is there several times, with `[]` behind its name.

        Raises InvalidRequest.
        """
        fields = _grouped(values)
        one = {name: fields[name][0] for name in ONE if fields.get(name)}
        _check_taken_as_it_is(one)
        format_ = _format(one.get(FORMAT, "json"))
        known = _known(fields.get(NAMES, []), fields.get(REFERENCES, []))
        if known and format_ != "diarized_json":
            raise TranscriptionRefused(NAMES, f"{FORMAT}={format_} shows no speakers. Ask for diarized_json.")
        hints = Hints(_language(one.get(LANGUAGE)), _prompt(one.get(PROMPT)), _temperature(one.get(TEMPERATURE)))
        granularities, stream = _granularities(fields, format_), _stream(one.get(STREAM, ""), format_)
        return cls(audio, _model(one.get(MODEL)), format_, known, hints, granularities, stream)


def _grouped(values: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Raises TranscriptionRefused for fields that are unknown, refused or there too often."""
    fields: dict[str, list[str]] = {}
    for name, value in values:
        base, bracket, inside = name.partition("[")
        if base not in FIELDS:
            raise TranscriptionRefused(name[:64], f"there is no such field. There is file, {', '.join(ONE + SEVERAL)}.")
        if base in REFUSED:
            raise TranscriptionRefused(base, REFUSED[base])
        if base == CHUNKING and bracket:
            raise TranscriptionRefused(base, "the server finds speech by itself. Send 'auto', or leave it out.")
        if base in ONE and (bracket or base in fields):
            raise TranscriptionRefused(base, "it is there more than once. Send it once.")
        if bracket and inside.rstrip("]").strip("0123456789"):
            raise TranscriptionRefused(name[:64], f"a list's entries are each a field '{base}[]'.")
        fields.setdefault(base, []).append(value)
    return fields


def _check_taken_as_it_is(one: dict[str, str]) -> None:
    """Of a field that has one value that means something here."""
    if one.get(CHUNKING, "auto") not in ("auto", ""):
        raise TranscriptionRefused(CHUNKING, "the server finds speech by itself. Send 'auto', or leave it out.")


def _stream(value: str, format_: ResponseFormat) -> bool:
    if value.lower() in ("false", "0", ""):
        return False
    if value.lower() not in ("true", "1"):
        raise TranscriptionRefused(STREAM, "send true, or leave it out.")
    if format_ not in STREAMED:
        raise TranscriptionRefused(STREAM, f"{FORMAT}={format_} comes as a whole. Ask for {', '.join(STREAMED)}.")
    return True


def _model(value: str | None) -> str:
    if not value or len(value) > MODEL_LENGTH:
        raise TranscriptionRefused(
            MODEL, "name a gallery, or one of OpenAI's models, such as gpt-4o-transcribe-diarize, for the default one."
        )
    return value


def _format(value: str) -> ResponseFormat:
    for one in get_args(ResponseFormat):
        if value == one:
            found: ResponseFormat = one
            return found
    raise TranscriptionRefused(FORMAT, f"there is no {quoted(value)}. There is {', '.join(get_args(ResponseFormat))}.")


def _language(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isalpha() and len(value) <= LANGUAGE_LENGTH):
        raise TranscriptionRefused(LANGUAGE, "send an ISO 639-1 code such as en, or leave it out.")
    return value and value.lower()


def _prompt(value: str | None) -> str | None:
    if value is not None and len(value) > PROMPT_LENGTH:
        raise TranscriptionRefused(PROMPT, f"it has {len(value)} characters; at most {PROMPT_LENGTH} are read.")
    return value


def _temperature(value: str | None) -> float | None:
    try:
        number = None if value is None else float(value)
    except ValueError:
        number = -1.0
    if number is not None and not 0.0 <= number <= 1.0:
        raise TranscriptionRefused(TEMPERATURE, "send a number from 0 to 1, or leave it out.")
    return number


def _granularities(fields: dict[str, list[str]], format_: ResponseFormat) -> frozenset[Granularity]:
    asked = fields.get(GRANULARITIES)
    if asked is None:
        return frozenset({"segment"})
    if format_ != "verbose_json" or not set(asked) <= set(get_args(Granularity)):
        raise TranscriptionRefused(GRANULARITIES, f"'word' and 'segment' go with {FORMAT}=verbose_json.")
    return frozenset(one for one in get_args(Granularity) if one in asked)


def _known(names: Sequence[str], references: Sequence[str]) -> tuple[KnownSpeaker, ...]:
    if len(names) != len(references):
        raise TranscriptionRefused(
            NAMES, f"there are {len(names)} names and {len(references)} {REFERENCES}. Send one reference for each name."
        )
    if len(names) > MOST_KNOWN:
        raise TranscriptionRefused(
            NAMES, f"{len(names)} are too many for one request; {MOST_KNOWN} may come. Enroll speakers in a gallery."
        )
    called = [_name(name, nth) for nth, name in enumerate(names)]
    if len({name_key(name) for name in called}) < len(called):
        raise TranscriptionRefused(NAMES, "two are the same. Give each speaker another name.")
    audio = [_audio(url, nth) for nth, url in enumerate(references)]
    return tuple(KnownSpeaker(*one) for one in zip(called, audio, strict=True))


def _name(value: str, nth: int) -> str:
    try:
        return validation.name(value)
    except InvalidRequest as error:
        raise TranscriptionRefused(f"{NAMES}[{nth}]", str(error)) from error


def _audio(url: str, nth: int) -> bytes:
    """The bytes in a data URL (RFC 2397)."""
    head, comma, _ = url[:HEAD_LENGTH].partition(",")
    if not comma or not head.lower().startswith("data:") or not head.lower().endswith(";base64"):
        raise TranscriptionRefused(f"{REFERENCES}[{nth}]", f"send a data URL in base64, such as {EXAMPLE}")
    try:
        return base64.b64decode(url[len(head) + 1 :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise TranscriptionRefused(f"{REFERENCES}[{nth}]", f"its base64 cannot be read ({error}).") from error
