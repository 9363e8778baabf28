"""Recordings over HTTP: sent, followed, answered in every format, cancelled, erased."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from speakerid.api.routes import recording_events
from speakerid.errors import Overloaded, TooManyWrongKeys
from speakerid.services import keys
from speakerid.services.engine import Engine
from speakerid.services.recordings.webhooks import Notice
from speakerid.services.recordings.worker import Worker
from tests.api.asking import DEFAULT, Json, enrolled, refused
from tests.api.conftest import ClientMaker, Scoped
from tests.sampled import ADA, BEN, probe
from tests.services.recorded import MEETING, claim, pieces, rows, work

RECORDINGS = f"{DEFAULT}/recordings"


def send(client: TestClient, audio: bytes = MEETING, **params: Any) -> Json:
    answer = client.post(RECORDINGS, content=audio, params=params)
    assert answer.status_code == 202, answer.text
    job: Json = answer.json()
    assert answer.headers["location"] == f"{RECORDINGS}/{job['id']}"
    return job


def events(text: str) -> list[tuple[str, str, Json]]:
    """Name, id and data of each."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return found


@pytest.fixture
def done(client: TestClient, engine: Engine) -> str:
    """The path of a recording of ADA and BEN that is done; only ADA is enrolled."""
    enrolled(client, ADA, utterances=3)
    made = send(client)
    work(engine)
    return f"{RECORDINGS}/{made['id']}"


@pytest.fixture
def working(engine: Engine) -> Iterator[None]:
    worker = Worker(engine, 1, Notice())
    worker.start()
    yield
    worker.stop()


def test_the_job_and_then_its_result(client: TestClient, engine: Engine) -> None:
    made = send(client, speakers=2, channel="0")
    assert {key: made[key] for key in ("state", "stage", "progress", "error")} == {
        "state": "queued",
        "stage": None,
        "progress": 0.0,
        "error": None,
    }
    assert made["options"] == {
        "speakers": 2,
        "min_speakers": None,
        "max_speakers": None,
        "candidates": None,
        "tags": None,
        "channel": 0,
    }
    waiting = client.get(f"{RECORDINGS}/{made['id']}").json()
    assert waiting == made | {"result": None}
    work(engine)
    found = client.get(f"{RECORDINGS}/{made['id']}").json()
    assert (found["state"], found["progress"], len(found["result"]["voices"])) == ("done", 100.0, 2)
    listed = client.get(RECORDINGS).json()
    assert [one["id"] for one in listed["items"]] == [made["id"]]
    assert "result" not in listed["items"][0]


@pytest.mark.parametrize(
    ("format_", "media", "begins"),
    [
        ("json", "application/json", '{"seconds":'),
        ("rttm", "text/x-rttm; charset=utf-8", "SPEAKER rec_"),
        ("srt", "application/x-subrip", "1\n00:00:0"),
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n00:00:0"),
        ("csv", "text/csv; charset=utf-8", "start,end,voice"),
    ],
)
def test_formats(client: TestClient, done: str, format_: str, media: str, begins: str) -> None:
    answer = client.get(done, params={"format": format_})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)
    assert answer.text.startswith(begins)
    assert ADA in answer.text
    accepted = client.get(done, headers={"Accept": f"image/png, {media.split(';')[0]};q=0.9"})
    if format_ == "json":  # what most clients send without a thought: the whole job
        assert accepted.json()["result"] == answer.json()
    else:
        assert accepted.text == answer.text
    refused(client.get(done, params={"format": "mp3"}), 422, "invalid_request")


def test_a_result_that_is_not_ready(client: TestClient, engine: Engine) -> None:
    made = f"{RECORDINGS}/{send(client, MEETING[:200_000])['id']}"
    for asked in ({"params": {"format": "json"}}, {"headers": {"Accept": "text/csv"}}):
        refused(client.get(made, **asked), 409, "recording_not_ready")  # type: ignore[arg-type]  # of the types that its callers give
    work(engine)
    refused(client.get(made, params={"format": "rttm"}), 409, "recording_without_result")
    assert client.get(made).json()["error"]["code"] == "truncated_audio"


def test_a_form_is_read_as_it_comes(client: TestClient, engine: Engine) -> None:
    fields = {"note": (None, b"not this"), "other": ("x.wav", b"nor this"), "file": ("meeting.flac", MEETING)}
    answer = client.post(RECORDINGS, files=fields)
    assert answer.status_code == 202, answer.text
    work(engine)
    assert client.get(answer.headers["location"]).json()["state"] == "done"


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        (b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--b--\r\n', "multipart/form-data; boundary=b"),
        (b"no boundary", "multipart/form-data"),
        (b"something else", "multipart/form-data; boundary=b"),
    ],
)
def test_forms_that_cannot_be_read(client: TestClient, engine: Engine, body: bytes, declared: str) -> None:
    refused(client.post(RECORDINGS, content=body, headers={"Content-Type": declared}), 422, "invalid_request")
    assert rows(engine) == 0


@pytest.mark.parametrize(
    ("audio", "params", "status", "code"),
    [
        (b"", {}, 422, "empty_audio"),
        (b"just text", {}, 415, "unsupported_audio"),
        (MEETING, {"channel": "left"}, 422, "invalid_request"),
        (MEETING, {"channel": "7"}, 422, "no_such_channel"),
        (MEETING, {"speakers": 0}, 422, "invalid_request"),
        (MEETING, {"speakers": 2, "max_speakers": 3}, 422, "invalid_request"),
        (MEETING, {"min_speakers": 3, "max_speakers": 2}, 422, "invalid_request"),
        (MEETING, {"candidates": "Nobody"}, 404, "speaker_not_found"),
        (MEETING, {"webhook": "http://127.0.0.1/"}, 422, "webhook_refused"),
    ],
)
def test_what_is_refused_leaves_nothing(
    client: TestClient, engine: Engine, audio: bytes, params: Json, status: int, code: str
) -> None:
    refused(client.post(RECORDINGS, content=audio, params=params), status, code)
    assert (rows(engine), pieces(engine)) == (0, 0)


def test_too_large_in_one_piece_and_in_many(open_client: ClientMaker, engine: Engine) -> None:
    client = open_client(max_recording_bytes=100_000)
    for body in (MEETING, iter([MEETING[:60_000], MEETING[60_000:]])):
        refused(client.post(RECORDINGS, content=body), 413, "file_too_large")
    assert (rows(engine), pieces(engine)) == (0, 0)


def test_larger_than_other_bodies_may_be(open_client: ClientMaker) -> None:
    client = open_client(max_body_bytes=10_000)
    assert client.post(RECORDINGS, content=MEETING).status_code == 202


def test_only_so_many_wait_for_one_key(open_client: ClientMaker, engine: Engine, key: Scoped) -> None:
    client = open_client(max_recordings_waiting=1)
    mine, other = key("identify"), key("identify")
    assert client.post(RECORDINGS, content=probe(ADA), headers=mine).status_code == 202
    answer = client.post(RECORDINGS, content=probe(ADA), headers=mine)
    refused(answer, 429, "too_many_recordings")
    assert int(answer.headers["retry-after"]) > 0
    assert client.post(RECORDINGS, content=probe(ADA), headers=other).status_code == 202


def test_the_same_request_again_makes_no_second_job(client: TestClient, engine: Engine) -> None:
    once = {"Idempotency-Key": "one"}
    first, again = (client.post(RECORDINGS, content=MEETING, headers=once) for _ in range(2))
    assert (again.status_code, again.json(), again.headers["location"]) == (
        202,
        first.json(),
        first.headers["location"],
    )
    assert (again.headers["idempotent-replayed"], rows(engine), pieces(engine)) == ("true", 1, 1)
    for other in ({"content": MEETING + b"\0"}, {"content": MEETING, "params": {"speakers": 2}}):
        refused(client.post(RECORDINGS, headers=once, **other), 409, "idempotency_key_reused")
    assert rows(engine) == 1
    assert client.delete(first.headers["location"]).status_code == 204
    anew = client.post(RECORDINGS, content=MEETING, headers=once)
    assert anew.json()["id"] != first.json()["id"]


def test_a_client_that_goes_away_in_the_middle_leaves_nothing(client: TestClient, engine: Engine) -> None:
    """Spoken to as a server does, because a test client always sends the whole body."""
    messages = iter(
        [{"type": "http.request", "body": bytes(2_000_000), "more_body": True}, {"type": "http.disconnect"}]
    )
    seen: list[int] = []

    async def receive() -> Any:
        seen.append(rows(engine))
        return next(messages)

    async def answer(message: Any) -> None:
        """Nobody is there."""

    scope = {
        "type": "http",
        "method": "POST",
        "path": RECORDINGS,
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "http_version": "1.1",
    }
    asyncio.run(client.app(scope, receive, answer))  # type: ignore[arg-type]  # ASGI by hand
    assert seen == [1, 1]
    assert (rows(engine), pieces(engine)) == (0, 0)


def test_events_lead_to_the_end(client: TestClient, engine: Engine, working: None) -> None:
    made = send(client)
    answer = client.get(f"{RECORDINGS}/{made['id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = events(answer.text)
    assert [name for name, _, _ in found[:-1]] == ["progress"] * (len(found) - 1)
    name, mark, job = found[-1]
    assert (name, job["state"], job["progress"]) == ("done", "done", 100.0)
    assert "result" not in job
    assert [one["progress"] for _, _, one in found] == sorted(one["progress"] for _, _, one in found)
    again = client.get(f"{RECORDINGS}/{made['id']}/events", headers={"Last-Event-ID": found[0][1]})
    assert events(again.text) == [found[-1]]
    assert client.get(f"{RECORDINGS}/{made['id']}/events", headers={"Last-Event-ID": mark}).status_code == 204


def after_the_first(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """`happens` once the first event was made, in a thread of its own: it may be a request."""
    real, begun = recording_events._event, list[threading.Thread]()

    def event(*given: str) -> str:
        if not begun:
            begun.append(threading.Thread(target=happens))
            begun[0].start()
        return real(*given)

    monkeypatch.setattr(recording_events, "_event", event)


@pytest.mark.parametrize("last", ["cancelled", "deleted"])
def test_events_end_with_the_job(
    client: TestClient, engine: Engine, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = send(client)
    path = f"{RECORDINGS}/{made['id']}"
    ask = client.post if last == "cancelled" else client.delete
    after_the_first(monkeypatch, lambda: ask(path + ("/cancel" if last == "cancelled" else "")))
    found = events(client.get(f"{path}/events").text)
    assert [name for name, _, _ in found] == ["progress", last]
    refused(client.get(f"{RECORDINGS}/rec_none/events"), 404, "recording_not_found")


def test_events_end_when_the_server_stops(open_client: ClientMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_client()
    made = send(client)
    after_the_first(monkeypatch, lambda: setattr(client.app.state, "stopping", True))  # type: ignore[attr-defined]  # a FastAPI
    assert len(events(client.get(f"{RECORDINGS}/{made['id']}/events").text)) == 1


def test_events_end_after_their_key_is_revoked(
    client: TestClient, engine: Engine, key: Scoped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speakerid.api.routes.recording_events.STILL_ALLOWED_S", 0.0)
    key("admin")
    with engine.write() as db:
        made = keys.create(db, "test", ("identify",))
    headers = {"Authorization": f"Bearer {made.secret}"}
    path = client.post(RECORDINGS, content=MEETING, headers=headers).headers["location"]

    def revoke() -> None:
        with engine.write() as db:
            keys.revoke(db, made.key.id)

    after_the_first(monkeypatch, revoke)
    found = events(client.get(f"{path}/events", headers=headers).text)
    assert [name for name, _, _ in found] == ["progress"]
    refused(client.get(f"{path}/events", headers=headers), 401, "key_invalid")


@pytest.mark.parametrize("error", [TooManyWrongKeys(3), Overloaded()])
def test_events_end_when_their_key_cannot_be_checked(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("speakerid.api.routes.recording_events.STILL_ALLOWED_S", 0.0)
    monkeypatch.setattr("speakerid.api.routes.recording_events.allow_again", refuse)
    made = send(client)
    assert client.get(f"{RECORDINGS}/{made['id']}/events").text == ""


def test_cancelling(client: TestClient, engine: Engine) -> None:
    waits, runs = send(client), send(client)
    path = f"{RECORDINGS}/{waits['id']}/cancel"
    assert [client.post(path).json()["state"] for _ in range(2)] == ["cancelled", "cancelled"]
    assert claim(engine).id == runs["id"]
    job = client.post(f"{RECORDINGS}/{runs['id']}/cancel").json()
    assert (job["state"], job["cancelling"]) == ("running", True)
    refused(client.post(f"{RECORDINGS}/rec_none/cancel"), 404, "recording_not_found")


def test_what_has_ended_is_not_cancelled(client: TestClient, done: str) -> None:
    refused(client.post(f"{done}/cancel"), 409, "recording_ended")


def test_erasing(client: TestClient, engine: Engine, done: str) -> None:
    waits = send(client)
    for path in (done, f"{RECORDINGS}/{waits['id']}"):
        assert client.delete(path).status_code == 204
        refused(client.get(path), 404, "recording_not_found")
        refused(client.delete(path), 404, "recording_not_found")
    assert (rows(engine), pieces(engine)) == (0, 0)


def test_a_recording_is_only_in_its_gallery(client: TestClient, done: str) -> None:
    client.post("/v1/galleries", json={"name": "team"})
    elsewhere = done.replace("default", "team")
    for answer in (client.get(elsewhere), client.delete(elsewhere), client.post(f"{elsewhere}/cancel")):
        refused(answer, 404, "recording_not_found")
    assert client.get("/v1/galleries/team/recordings").json()["items"] == []
    refused(client.get("/v1/galleries/nowhere/recordings"), 404, "gallery_not_found")
    refused(client.post("/v1/galleries/nowhere/recordings", content=MEETING), 404, "gallery_not_found")


def test_candidates_are_kept_as_ids(client: TestClient) -> None:
    ids = sorted(enrolled(client, voice) for voice in (ADA, BEN))
    assert send(client, candidates=f" {BEN}, {ADA},")["options"]["candidates"] == ids
    assert send(client, candidates="")["options"]["candidates"] == []
