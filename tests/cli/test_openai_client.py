"""OpenAI's own client, as its users call it, against the real service."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speakerid import samples
from tests.cli.command import Served
from tests.sampled import ADA, BEN
from tests.services.recorded import meeting
from tests.transcription.tiny import needs_tiny

pytestmark = pytest.mark.slow
openai: Any = pytest.importorskip("openai", reason="needs OpenAI's client: extra dev")
FILE = ("meeting.flac", meeting(ADA, BEN))
ALONE = ("ada.opus", samples.voices()[ADA].probes[0].read_bytes())
MODEL = "gpt-4o-transcribe-diarize"


@pytest.fixture(scope="module")
def transcriptions(equipped: Served) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"{equipped.url}/v1", api_key="sid_none", max_retries=0) as client:
        yield client.audio.transcriptions


def data_url(path: Path) -> str:
    return f"data:audio/ogg;base64,{base64.b64encode(path.read_bytes()).decode()}"


def test_it_gets_who_speaks_when_from_a_gallery(transcriptions: Any) -> None:
    found = transcriptions.create(file=FILE, model=MODEL, response_format="diarized_json", chunking_strategy="auto")
    assert type(found).__name__ == "TranscriptionDiarized"
    assert [one.speaker for one in found.segments] == [ADA, BEN]
    assert {one.type for one in found.segments} == {"transcript.text.segment"}
    assert found.usage.type == "duration"
    assert found.usage.seconds == found.duration == pytest.approx(13.0, abs=0.1)


def test_it_gets_who_speaks_when_as_events(transcriptions: Any) -> None:
    whole = transcriptions.create(file=FILE, model=MODEL, response_format="diarized_json")
    with transcriptions.create(file=FILE, model=MODEL, response_format="diarized_json", stream=True) as stream:
        *segments, done = stream
    assert {type(one).__name__ for one in segments} == {"TranscriptionTextSegmentEvent"}
    assert [one.model_dump() for one in segments] == [one.model_dump() for one in whole.segments]
    assert (type(done).__name__, done.text) == ("TranscriptionTextDoneEvent", whole.text)


def test_it_names_the_speakers_that_it_brings(transcriptions: Any) -> None:
    voices = samples.voices()
    found = transcriptions.create(
        file=FILE,
        model=MODEL,
        response_format="diarized_json",
        known_speaker_names=["Ada", "Ben"],
        known_speaker_references=[data_url(voices[ADA].enroll[0]), data_url(voices[BEN].enroll[0])],
    )
    assert [one.speaker for one in found.segments] == ["Ada", "Ben"]


@needs_tiny
class TestWithATranscriber:
    def test_it_gets_who_said_what(self, transcriptions: Any) -> None:
        found = transcriptions.create(file=ALONE, model=MODEL, response_format="diarized_json")
        assert [one.speaker for one in found.segments] == [ADA]
        assert "old piano in the" in found.segments[0].text
        assert found.text == found.segments[0].text

    def test_it_gets_words_as_events(self, transcriptions: Any) -> None:
        *deltas, done = transcriptions.create(file=ALONE, model="whisper-1", stream=True)
        assert {type(one).__name__ for one in deltas} == {"TranscriptionTextDeltaEvent"}
        assert "piano" in done.text
        assert "".join(one.delta for one in deltas) == done.text

    def test_it_gets_each_format_in_its_own_type(self, transcriptions: Any) -> None:
        json = transcriptions.create(file=ALONE, model="whisper-1")
        assert type(json).__name__ == "Transcription"
        assert "piano" in json.text
        words = transcriptions.create(
            file=ALONE, model="whisper-1", response_format="verbose_json", timestamp_granularities=["word", "segment"]
        )
        assert type(words).__name__ == "TranscriptionVerbose"
        assert "piano" in [one.word for one in words.words]
        assert "piano" in words.segments[0].text
        for plain, begins in (("text", "The"), ("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n\n00:00:0")):
            text = transcriptions.create(file=ALONE, model="whisper-1", response_format=plain)
            assert isinstance(text, str)
            assert text.startswith(begins)

    def test_it_is_told_of_a_language_that_is_not_known(self, transcriptions: Any) -> None:
        with pytest.raises(openai.BadRequestError, match="knows English") as raised:
            transcriptions.create(file=FILE, model=MODEL, language="de")
        assert (raised.value.code, raised.value.param) == ("transcription_refused", "language")


@pytest.mark.parametrize(
    ("kind", "sentence", "asked"),
    [
        ("NotFoundError", "There is no gallery 'nothing'", {"model": "nothing"}),
        ("BadRequestError", "This is text, not audio", {"file": ("a.wav", b"no audio")}),
        ("BadRequestError", "comes as a whole", {"stream": True, "response_format": "srt"}),
        ("BadRequestError", "Send 'auto'", {"chunking_strategy": {"type": "server_vad"}}),
        ("BadRequestError", "1 names and 0", {"known_speaker_names": ["Ada"]}),
    ],
)
def test_it_raises_its_own_errors_with_our_sentences(
    transcriptions: Any, kind: str, sentence: str, asked: dict[str, Any]
) -> None:
    usual = {"file": FILE, "model": MODEL, "response_format": "diarized_json"}
    with pytest.raises(getattr(openai, kind), match=sentence) as raised:
        transcriptions.create(**usual | asked)
    assert raised.value.request_id
    assert raised.value.type == "invalid_request_error"
