"""Recordings sent to a server and followed to their end."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from speakerid.client import Client, ClientError
from speakerid.services.engine import Engine
from speakerid.services.recordings.webhooks import Notice
from speakerid.services.recordings.worker import Worker
from speakerid.types import RecordingJob
from tests.sampled import ADA, BEN, utterance
from tests.services.recorded import MEETING, pieces, rows, work


@pytest.fixture
def working(engine: Engine) -> Iterator[None]:
    worker = Worker(engine, 1, Notice())
    worker.start()
    yield
    worker.stop()


def test_a_file_is_sent_and_answered(voices: Client, working: None, tmp_path: Path) -> None:
    for voice in (ADA, BEN):
        voices.enroll(voice, *(utterance(voice, nth) for nth in range(3)))
    file = tmp_path / "meeting.flac"
    file.write_bytes(MEETING)
    watched: list[tuple[float, float | None]] = []
    found = voices.recording(file, candidates=[ADA], watch=lambda done, total: watched.append((done, total)))
    assert [one.speaker.name if one.speaker else one.voice for one in found.voices] == [ADA, "unknown_1"]
    assert watched[-1] == (100.0, 100.0)
    assert replace(voices.recording(MEETING, candidates=[ADA]), id=found.id) == found


def test_what_went_wrong_is_an_error(voices: Client, working: None, engine: Engine) -> None:
    with pytest.raises(ClientError) as refused:
        voices.recording(MEETING[:200_000])
    assert refused.value.code == "truncated_audio"
    with pytest.raises(ClientError) as refused:
        voices.recording("/no/such/file")
    assert refused.value.code == "file_missing"
    assert rows(engine) == 1


def test_without_waiting(voices: Client, engine: Engine) -> None:
    made = voices.send_recording(MEETING, channel=0, min_speakers=2, max_speakers=3)
    assert (made.state, made.options.channel, made.options.max_speakers) == ("queued", 0, 3)
    other = voices.send_recording(MEETING)
    assert voices.cancel_recording(other.id).state == "cancelled"
    work(engine)
    result = voices.recording_job(made.id).result
    assert result is not None
    assert len(result.voices) == 2
    assert [one.id for one in voices.recordings()] == [other.id, made.id]
    for one in (made, other):
        voices.delete_recording(one.id)
    assert (voices.recordings(), rows(engine)) == ([], 0)


def test_whoever_does_not_want_to_wait_any_more_stops_it(voices: Client, engine: Engine) -> None:
    def enough(done: float, total: float | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        voices.recording(MEETING, watch=enough)
    assert [one.state for one in voices.recordings()] == ["cancelled"]
    assert pieces(engine) == 0


def test_another_client_cancels_it(voices: Client) -> None:
    def cancelled(done: float, total: float | None) -> None:
        if voices.recordings()[0].state == "queued":
            voices.cancel_recording(voices.recordings()[0].id)

    with pytest.raises(ClientError) as refused:
        voices.recording(MEETING, watch=cancelled)
    assert refused.value.code == "recording_cancelled"


def test_a_file_is_sent_from_its_start_again(voices: Client) -> None:
    """As after a 429."""
    from speakerid.client.wire import Call

    file = io.BytesIO(MEETING)
    path = "/v1/galleries/default/recordings"
    for _ in range(2):
        assert voices._wire.ask(RecordingJob, Call("POST", path, content=file)).state == "queued"


def test_a_recording_is_called_after_its_file_or_as_it_is_told(voices: Client, tmp_path: Path) -> None:
    file = tmp_path / "Monday stand-up.flac"
    file.write_bytes(MEETING)
    made = [voices.send_recording(file), voices.send_recording(file, name="other"), voices.send_recording(MEETING)]
    assert [one.name for one in made] == ["Monday stand-up", "other", None]
    assert [one.name for one in voices.recordings()] == [None, "other", "Monday stand-up"]


@pytest.mark.parametrize(
    ("file", "name"), [("caf\udce9\u202e.flac", "caf"), ("\udce9.flac", None), ("a.b.flac", "a.b")]
)
def test_a_file_of_any_name_is_sent(voices: Client, tmp_path: Path, file: str, name: str | None) -> None:
    path = tmp_path / file
    path.write_bytes(MEETING)
    assert voices.send_recording(path).name == name
