"""OpenAI's transcription contract: its forms field by field, its answers, its errors."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from speakerid.api.long_work import LongWork
from speakerid.services.engine import Engine
from tests.api import asking
from tests.api.asking import enrolled
from tests.api.conftest import ClientMaker, Scoped
from tests.sampled import ADA, BEN, utterance
from tests.services.recorded import MEETING
from tests.transcription.parrot import Parrot

URL = "/v1/audio/transcriptions"
DIARIZED = {"model": "gpt-4o-transcribe-diarize", "response_format": "diarized_json"}
NAMES, REFERENCES = "known_speaker_names[]", "known_speaker_references[]"
Fields = dict[str, Any]


def data_url(audio: bytes, kind: str = "audio/ogg") -> str:
    return f"data:{kind};base64,{base64.b64encode(audio).decode()}"


def ask(client: TestClient, audio: bytes = MEETING, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    return client.post(URL, files={"file": ("meeting.flac", audio)}, data=DIARIZED | fields, headers=headers)


def known(*names: str, references: list[str] | None = None) -> Fields:
    return {NAMES: list(names), REFERENCES: references or [data_url(utterance(ADA))] * len(names)}


def refused(answer: Any, status: int, code: str, param: str | None = None) -> str:
    """The sentence of an answer that must be this refusal, in OpenAI's shape."""
    error = asking.refused(answer, status, code)
    assert set(error) == {"message", "type", "code", "param"}
    assert error["param"] == param
    return str(error["message"])


@pytest.fixture
def worded(engine: Engine, app: FastAPI, client: TestClient) -> TestClient:
    """With a transcriber."""
    app.state.engine = replace(engine, transcriber=Parrot())
    return client


class TestADiarizedAnswer:
    def test_has_the_shape_of_openais(self, client: TestClient) -> None:
        enrolled(client, ADA, utterances=2)
        answer = ask(client)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        found = answer.json()
        assert set(found) == {"task", "duration", "text", "segments", "usage"}
        assert (found["task"], found["text"]) == ("transcribe", "")
        assert found["usage"] == {"type": "duration", "seconds": found["duration"]}
        assert [one["speaker"] for one in found["segments"]] == [ADA, "A", ADA, "A"]
        first = found["segments"][0]
        assert set(first) == {"id", "type", "start", "end", "speaker", "text"}
        assert (first["id"], first["type"]) == ("seg_0", "transcript.text.segment")
        assert 0.0 < first["start"] < first["end"] < found["duration"]

    def test_names_the_speakers_that_the_caller_brings(self, client: TestClient) -> None:
        both = known("Ada", "Ben", references=[data_url(utterance(ADA)), data_url(utterance(BEN))])
        assert [one["speaker"] for one in ask(client, **both).json()["segments"]] == ["Ada", "Ben"] * 2

    def test_takes_lists_without_brackets_too(self, client: TestClient) -> None:
        fields: Fields = {"known_speaker_names": "Ada", "known_speaker_references": data_url(utterance(ADA))}
        assert ask(client, **fields).json()["segments"][0]["speaker"] == "Ada"

    def test_has_words_where_there_is_a_transcriber(self, worded: TestClient) -> None:
        found = ask(worded).json()
        assert found["text"] == "word0 word1 word2 word3"
        assert [one["text"] for one in found["segments"]] == ["word0", "word1", "word2", "word3"]

    def test_takes_what_changes_nothing(self, worded: TestClient) -> None:
        plain = ask(worded).json()
        more: Fields = {
            "chunking_strategy": "auto",
            "stream": "false",
            "language": "en",
            "prompt": "Hm.",
            "temperature": "0",
        }
        assert ask(worded, **more).json() == plain


class TestAStream:
    def test_has_an_event_for_each_turn_and_one_at_the_end(self, worded: TestClient) -> None:
        whole, answer = ask(worded).json(), ask(worded, stream="true")
        assert answer.headers["content-type"].startswith("text/event-stream")
        *turns, done = [json.loads(one.removeprefix("data: ")) for one in answer.text.rstrip().split("\n\n")]
        assert turns == whole["segments"]
        assert done == {"type": "transcript.text.done", "text": whole["text"]}

    def test_of_words_alone_gives_them_as_they_follow_each_other(self, worded: TestClient) -> None:
        answer = ask(worded, stream="true", response_format="json")
        *deltas, done = [json.loads(one.removeprefix("data: ")) for one in answer.text.rstrip().split("\n\n")]
        assert (
            "".join(one["delta"] for one in deltas)
            == done["text"]
            == ask(worded, response_format="json").json()["text"]
        )


class TestAModel:
    @pytest.mark.parametrize("model", ["whisper-1", "gpt-transcribe", "gpt-4o-transcribe-diarize", "default"])
    def test_of_openais_means_the_default_gallery(self, client: TestClient, model: str) -> None:
        enrolled(client, ADA, utterances=2)
        assert ask(client, model=model).json()["segments"][0]["speaker"] == ADA

    def test_that_is_a_gallery_means_that(self, client: TestClient) -> None:
        client.post("/v1/galleries", json={"name": "whisper-1"})
        enrolled(client, ADA, "whisper-1", utterances=2)
        assert ask(client, model="whisper-1").json()["segments"][0]["speaker"] == ADA
        assert ask(client, model="default").json()["segments"][0]["speaker"] == "A"

    def test_of_openais_means_the_one_gallery_of_a_key(self, client: TestClient, key: Scoped) -> None:
        client.post("/v1/galleries", json={"name": "team"})
        enrolled(client, ADA, "team", utterances=2)
        own = key("identify", galleries=("team",))
        assert ask(client, headers=own).json()["segments"][0]["speaker"] == ADA

    def test_that_is_nothing_is_named(self, client: TestClient) -> None:
        assert "There is no gallery 'nothing'" in refused(ask(client, model="nothing"), 404, "gallery_not_found")

    @pytest.mark.parametrize("model", ["", "x" * 65])
    def test_that_is_missing_or_too_long_is_refused(self, client: TestClient, model: str) -> None:
        assert "name a gallery" in refused(ask(client, model=model), 400, "transcription_refused", "model")


class TestAKey:
    def test_is_needed(self, open_client: ClientMaker, key: Scoped) -> None:
        key("admin")
        assert "needs a key" in refused(ask(open_client(host="0.0.0.0")), 401, "key_missing")
        wrong = {"Authorization": "Bearer sk-none"}
        refused(ask(open_client(host="0.0.0.0"), headers=wrong), 401, "key_invalid")

    def test_needs_the_scope_identify(self, client: TestClient, key: Scoped) -> None:
        refused(ask(client, headers=key("read")), 403, "scope_missing")
        assert ask(client, headers=key("identify")).status_code == 200

    @pytest.mark.parametrize("model", ["other", "nothing", "default", "whisper-1"])
    def test_learns_nothing_of_galleries_it_is_not_for(self, client: TestClient, key: Scoped, model: str) -> None:
        for name in ("team", "staff", "other"):
            client.post("/v1/galleries", json={"name": name})
        bound = key("identify", galleries=("team", "staff"))
        refused(ask(client, headers=bound, model=model), 403, "scope_missing")


class TestAField:
    @pytest.mark.parametrize(
        ("fields", "param", "sentence"),
        [
            ({"response_format": "xml"}, "response_format", "there is no 'xml'. There is json, text, srt"),
            ({"stream": "true", "response_format": "vtt"}, "stream", "vtt comes as a whole"),
            ({"stream": "perhaps"}, "stream", "send true"),
            ({"language": "English, please"}, "language", "ISO 639-1"),
            ({"temperature": "warm"}, "temperature", "from 0 to 1"),
            ({"temperature": "nan"}, "temperature", "from 0 to 1"),
            ({"temperature": "1.5"}, "temperature", "from 0 to 1"),
            ({"prompt": "x" * 4001}, "prompt", "at most 4000"),
            ({"include[]": "logprobs"}, "include", "not given"),
            ({"keywords[]": "piano"}, "keywords", "prompt"),
            ({"languages[]": "en"}, "languages", "'language'"),
            ({"chunking_strategy[type]": "server_vad"}, "chunking_strategy", "Send 'auto'"),
            ({"chunking_strategy": '{"type": "server_vad"}'}, "chunking_strategy", "Send 'auto'"),
            ({"timestamp_granularities[]": "word"}, "timestamp_granularities", "verbose_json"),
            ({"model": ["default", "team"]}, "model", "more than once"),
            ({"model[0]": "default"}, "model", "more than once"),
            ({"speakers": "2"}, "speakers", "there is no such field"),
            ({"known_speaker_names[name]": "Ada"}, "known_speaker_names[name]", "each a field"),
        ],
    )
    def test_that_cannot_be_taken_is_refused_by_name(
        self, worded: TestClient, fields: Fields, param: str, sentence: str
    ) -> None:
        assert sentence in refused(ask(worded, **fields), 400, "transcription_refused", param)

    def test_with_a_language_that_the_transcriber_does_not_know_is_refused(self, worded: TestClient) -> None:
        assert "only English" in refused(ask(worded, language="de"), 400, "transcription_refused", "language")

    def test_that_is_no_utf8_is_refused(self, client: TestClient) -> None:
        body = b'--cut\r\nContent-Disposition: form-data; name="model"\r\n\r\n\xff\r\n--cut\r\n'
        body += b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\nRIFF\r\n--cut--\r\n'
        answer = client.post(URL, content=body, headers={"Content-Type": "multipart/form-data; boundary=cut"})
        assert "no text in UTF-8" in refused(answer, 400, "invalid_request")


class TestKnownSpeakers:
    @pytest.mark.parametrize(
        ("fields", "param", "sentence"),
        [
            (known("Ada") | {REFERENCES: []}, "known_speaker_names", "1 names and 0"),
            (known(*"abcde"), "known_speaker_names", "5 are too many"),
            (known("Ada", "ADA"), "known_speaker_names", "two are the same"),
            (known("a\nb"), "known_speaker_names[0]", "U+000A"),
            (known("a", "b\x1b[31m"), "known_speaker_names[1]", "U+001B"),
            (known(" "), "known_speaker_names[0]", "1 to 200"),
            (known("x" * 201), "known_speaker_names[0]", "1 to 200"),
        ],
    )
    def test_whose_names_are_of_no_use_are_refused(
        self, client: TestClient, fields: Fields, param: str, sentence: str
    ) -> None:
        assert sentence in refused(ask(client, **fields), 400, "transcription_refused", param)

    @pytest.mark.parametrize(
        ("url", "sentence"),
        [
            ("https://example.org/ada.wav", "a data URL in base64"),
            ("file:///etc/passwd", "a data URL in base64"),
            ("data:audio/wav,RIFF", "a data URL in base64"),
            ("data:" + "x" * 300 + ";base64,UklGRg==", "a data URL in base64"),
            ("data:audio/wav;base64", "a data URL in base64"),
            ("data:audio/wav;base64,UklG Rg==", "its base64 cannot be read"),
            ("data:audio/wav;base64,\u00e4\u00f6", "its base64 cannot be read"),
            ("data:audio/wav;base64,", "The audio is empty"),
            ("data:audio/wav;base64,UklGRg==", ""),
            ("data:text/html;base64,PGh0bWw+", ""),
        ],
    )
    def test_whose_references_are_no_audio_are_refused(self, client: TestClient, url: str, sentence: str) -> None:
        answer = ask(client, **known("Ada", references=[url]))
        assert sentence in refused(answer, 400, "transcription_refused", "known_speaker_references[0]")

    def test_of_a_declared_type_that_is_wrong_are_taken(self, client: TestClient) -> None:
        fields = known("Ada", references=[data_url(utterance(ADA), "DATA/nothing".lower())])
        assert ask(client, **fields).json()["segments"][0]["speaker"] == "Ada"

    def test_are_refused_where_no_speakers_are_shown(self, worded: TestClient) -> None:
        answer = ask(worded, response_format="text", **known("Ada"))
        refused(answer, 400, "transcription_refused", "known_speaker_names")

    def test_in_thousands_are_refused(self, client: TestClient) -> None:
        many: Fields = {NAMES: [f"speaker {nth}" for nth in range(1000)]}
        answer = ask(client, **many)
        assert "more than 100 parts" in refused(answer, 400, "invalid_request")


class TestOtherFormats:
    @pytest.mark.parametrize("wanted", ["json", "text", "srt", "vtt", "verbose_json"])
    def test_need_a_transcriber(self, client: TestClient, wanted: str) -> None:
        answer = ask(client, response_format=wanted)
        assert "has no transcriber" in refused(answer, 400, "transcriber_missing")

    def test_are_json_unless_asked_otherwise(self, worded: TestClient) -> None:
        answer = worded.post(URL, files={"file": ("m.flac", MEETING)}, data={"model": "whisper-1"})
        assert answer.json()["text"] == "word0 word1 word2 word3"
        assert answer.json()["usage"]["type"] == "duration"

    @pytest.mark.parametrize(
        ("wanted", "text"),
        [
            ("text", "word0 word1 word2 word3\n"),
            ("srt", "1\n00:00:00,000 --> 00:00:01,000\nword0 word1 word2 word3\n\n"),
            ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nword0 word1 word2 word3\n"),
        ],
    )
    def test_of_plain_text_are_plain_text(self, worded: TestClient, wanted: str, text: str) -> None:
        answer = ask(worded, response_format=wanted)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text == text

    def test_with_words_have_their_times(self, worded: TestClient) -> None:
        asked: Fields = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
        found = ask(worded, **asked).json()
        assert (found["language"], len(found["segments"]), len(found["words"])) == ("en", 1, 4)
        assert set(found["words"][0]) == {"word", "start", "end"}
        assert found["words"][0]["word"] == "word0"
        assert "words" not in ask(worded, response_format="verbose_json").json()


class TestABody:
    def test_that_is_no_form_is_told_what_to_send(self, client: TestClient) -> None:
        assert "multipart form" in refused(client.post(URL, json={"model": "default"}), 400, "invalid_request")

    def test_without_a_file_is_told_so(self, client: TestClient) -> None:
        answer = client.post(URL, files={"model": (None, "default")})
        assert "no file in a part named 'file'" in refused(answer, 400, "invalid_request")

    def test_that_is_no_audio_is_refused(self, client: TestClient) -> None:
        assert "This is text" in refused(ask(client, b"no audio"), 400, "unsupported_audio")

    def test_that_is_too_large_is_refused(self, open_client: ClientMaker) -> None:
        answer = ask(open_client(max_body_bytes=4096))
        refused(answer, 413, "file_too_large")

    def test_that_comes_to_a_full_server_is_told_when_to_come_back(self, app: FastAPI, client: TestClient) -> None:
        before, app.state.transcription_work = app.state.transcription_work, LongWork(running=0, waiting=0)
        answer = ask(client)
        app.state.transcription_work = before
        assert "Try again in 10 s" in refused(answer, 429, "long_work_full")
        assert answer.headers["retry-after"] == "10"
        assert answer.json()["error"]["type"] == "rate_limit_error"


def test_only_this_path_answers_as_openai_does(client: TestClient) -> None:
    assert client.get(URL).json()["error"]["type"] == "invalid_request_error"
    assert client.get(f"{URL}/nothing").json()["code"] == "no_such_path"
