"""A recording's way through the queue, on both stores."""

from __future__ import annotations

import dataclasses
import threading
from datetime import timedelta

import numpy as np
import pytest

from speakerid.audio.limits import DecodeLimits
from speakerid.audio.long_audio_reader import LongAudioReader
from speakerid.db.models import RecordingRow
from speakerid.db.repositories import recordings
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import (
    AudioTooLong,
    EmptyAudio,
    FileTooLarge,
    GalleryNotFound,
    InvalidRequest,
    NoSuchChannel,
    Overloaded,
    RecordingNotFound,
    RecordingNotReady,
    SpeakeridError,
    SpeakerNotFound,
    StoreUnavailable,
    TooManyRecordings,
    UnsupportedAudio,
)
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.recordings import erase, results
from speakerid.services.recordings import worker as running
from speakerid.services.recordings.save import Claimed
from speakerid.services.recordings.submit import Intake, RecordingRequest, receiving
from speakerid.services.recordings.webhooks import Notice
from speakerid.services.recordings.worker import RecordingLease, Worker
from tests.audio.encode import encode, soundfile_bytes
from tests.audio.voice import synthetic_voice
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.sampled import ADA, probe, silence
from tests.services.enrolled import add_gallery, add_speaker, made_up
from tests.services.recorded import MEETING, claim, let_lease_run_out, look, pieces, rows, send, work
from tests.waiting import PATIENCE_S, until


def streamed_webm(seconds: float) -> bytes:
    """As a browser sends it, without its length."""
    data = encode("webm-opus", synthetic_voice(seconds, 48_000), 48_000)
    at = data.index(b"\x44\x89\x88")  # the Duration element becomes a Void of the same size
    return data[:at] + b"\xec\x89" + data[at + 2 :]


def test_a_job_from_sending_to_its_answer(engine: Engine) -> None:
    made = send(engine)
    assert (look(engine, made).state, look(engine, made).result, pieces(engine)) == ("queued", None, 1)
    work(engine)
    done = look(engine, made)
    assert (done.state, done.progress, done.stage, done.error) == ("done", 100.0, None, None)
    assert done.result is not None
    assert [one.voice for one in done.result.voices] == ["unknown_1", "unknown_2"]
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.created_at <= done.started_at <= done.finished_at
    assert pieces(engine) == 0
    assert running.claim(engine, "wrk_other") is None


def test_a_large_recording_is_kept_in_pieces_and_read_from_them(engine: Engine) -> None:
    frames = np.zeros((40 * 16_000, 2), np.float32)
    frames[:, 1] = np.random.default_rng(0).uniform(-0.5, 0.5, len(frames))
    audio = soundfile_bytes(frames, 16_000, "WAV", "PCM_16")
    with receiving(engine, galleries.get(engine, "default"), RecordingRequest(channel=1), Intake()) as upload:
        for at in range(0, len(audio), 300_000):
            upload.add(audio[at : at + 300_000])
        made = upload.finish()[0]["id"]
    assert pieces(engine) == 3
    work(engine)
    found = look(engine, made)
    assert found.result is not None
    assert (found.result.seconds, found.options.channel) == (40.0, 1)


def test_who_begins_first_has_it_until_the_lease_runs_out(engine: Engine) -> None:
    made = send(engine)
    lost = claim(engine, "wrk_lost")
    assert running.claim(engine, "wrk_other") is None
    with engine.read() as db:
        assert lost.lease_until is not None
        assert timedelta() < lost.lease_until - recordings.clock(db) <= timedelta(seconds=30)
    let_lease_run_out(engine)
    assert claim(engine, "wrk_other").id == made
    running.run(engine, lost, threading.Event())  # comes back, and finds that it is another's
    assert look(engine, made).state == "running"
    with engine.read() as db:
        row = db.get(RecordingRow, lost.key)
        assert row is not None
        assert (row.worker, row.attempts) == ("wrk_other", 1 + recordings.ATTEMPTS_IF_LOST)


def test_a_recording_that_ends_every_process_is_given_up(engine: Engine) -> None:
    made = send(engine)
    for _ in range(3):
        assert look(engine, made).state != "failed"
        claim(engine)
        let_lease_run_out(engine)
    work(engine)
    found = look(engine, made)
    assert found.error is not None
    assert (found.state, found.error.code, pieces(engine)) == ("failed", "recording_abandoned", 0)
    assert "the process that worked on it ended" in found.error.detail


@pytest.mark.parametrize(("tried", "attempts"), [(True, 1 + recordings.ATTEMPTS_IF_LOST), (False, 1)])
def test_what_a_process_had_is_taken_back_and_nothing_else(engine: Engine, tried: bool, attempts: int) -> None:
    made = [send(engine) for _ in range(2)]
    assert [claim(engine, f"{one}/recordings-0").id for one in ("wrk_a", "wrk_ab")] == made
    with engine.write() as db:
        assert recordings.QUEUE.release(db, "wrk_a", tried=tried) == 1
    again = claim(engine, "wrk_b/recordings-0")
    assert (again.id, again.attempts) == (made[0], attempts)
    assert running.claim(engine, "wrk_c/recordings-0") is None


def test_a_process_that_ends_gives_its_job_back(engine: Engine) -> None:
    made = send(engine)
    ending = threading.Event()
    ending.set()
    running.run(engine, claim(engine), ending)
    assert (look(engine, made).state, pieces(engine)) == ("queued", 1)
    work(engine)
    assert look(engine, made).state == "done"


def test_an_erased_gallery_takes_its_recordings_along(engine: Engine) -> None:
    add_gallery(engine, "team")
    send(engine, gallery="team")
    row = claim(engine)
    with engine.write(erase=True) as db:
        galleries.delete(db, "team")
    running.run(engine, row, threading.Event())
    assert (rows(engine), pieces(engine)) == (0, 0)


def test_a_gallery_that_keeps_audio_keeps_it(engine: Engine) -> None:
    add_gallery(engine, "keeping", GallerySettings(keep_audio=True))
    made = send(engine, gallery="keeping")
    work(engine)
    erase.leftovers(engine)
    assert (look(engine, made, "keeping").state, pieces(engine)) == ("done", 1)
    with engine.write() as db:
        galleries.update(engine, db, "keeping", GallerySettings(keep_audio=False))
    erase.leftovers(engine)
    assert pieces(engine) == 0


def test_uploads_that_stopped_are_erased_in_time(engine: Engine) -> None:
    coming = receiving(engine, galleries.get(engine, "default"), RecordingRequest(), Intake())
    upload = coming.__enter__()
    upload.add(bytes(3_000_000))
    erase.leftovers(engine)
    assert (rows(engine), pieces(engine)) == (1, 2)  # it may still come
    let_lease_run_out(engine)
    erase.leftovers(engine)
    assert (rows(engine), pieces(engine)) == (0, 0)
    with pytest.raises(RecordingNotFound):
        upload.add(bytes(3_000_000))


@pytest.mark.parametrize(
    ("audio", "asked", "error"),
    [
        (b"", {}, EmptyAudio),
        (b"<html></html>" * 50, {}, UnsupportedAudio),
        (MEETING, {"channel": 1}, NoSuchChannel),
        (MEETING, {"speakers": 0}, InvalidRequest),
        (MEETING, {"candidates": ["Nobody"]}, SpeakerNotFound),
        (MEETING, {"intake": Intake(max_bytes=100_000)}, FileTooLarge),
    ],
    ids=["empty", "html", "channel", "speakers", "candidates", "large"],
)
def test_what_is_refused_at_once_leaves_nothing(
    engine: Engine, audio: bytes, asked: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        send(engine, audio, **asked)  # type: ignore[arg-type]  # of the types that its callers give
    assert (rows(engine), pieces(engine)) == (0, 0)


def test_what_announces_too_much_is_refused_at_once(open_engine: EngineMaker, store_url: str) -> None:
    engine = dataclasses.replace(open_engine(store_url), long_audio=LongAudioReader(DecodeLimits(max_seconds=5.0)))
    with pytest.raises(AudioTooLong):
        send(engine)
    made = send(engine, streamed_webm(8.0))
    work(engine)
    error = look(engine, made).error
    assert error is not None
    assert error.code == "audio_too_long"


@pytest.mark.parametrize(
    ("audio", "state", "code"),
    [
        (silence(), "done", None),
        (MEETING[:200_000], "failed", "truncated_audio"),
        (streamed_webm(4.0), "done", None),
    ],
    ids=["no speech", "truncated", "webm"],
)
def test_odd_recordings_have_an_answer_or_a_code(engine: Engine, audio: bytes, state: str, code: str | None) -> None:
    made = send(engine, audio)
    work(engine)
    found = look(engine, made)
    assert (found.state, found.error.code if found.error else None, pieces(engine)) == (state, code, 0)


def test_a_worker_with_another_encoder_reports_it(open_engine: EngineMaker, store_url: str, engine: Engine) -> None:
    add_speaker(engine, "Ada", made_up(unit(1)))
    made = send(engine)
    work(open_engine(store_url, encoder=FakeEncoder(dim=16)))
    error = look(engine, made).error
    assert error is not None
    assert error.code == "encoder_mismatch"


def test_a_bug_fails_its_job_and_no_more(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    broken = dataclasses.replace(engine, long_audio=None)  # type: ignore[arg-type]  # nothing works with it: what is tested
    made = send(engine)
    work(broken)
    error = look(engine, made).error
    assert error is not None
    assert (error.code, pieces(engine)) == ("internal_error", 0)
    assert "AttributeError" not in error.detail
    assert "AttributeError" in caplog.text


def test_only_so_many_wait_for_one_key(engine: Engine) -> None:
    few = Intake(max_waiting=2)
    for _ in range(2):
        send(engine, probe(ADA), intake=few, key_id="key_a")
    with pytest.raises(TooManyRecordings) as refused:
        send(engine, probe(ADA), intake=few, key_id="key_a")
    assert refused.value.retry_after_s > 0
    send(engine, probe(ADA), intake=few, key_id="key_b")
    work(engine)
    send(engine, probe(ADA), intake=few, key_id="key_a")


def test_results_that_are_not_ready(engine: Engine) -> None:
    gallery = galleries.get(engine, "default")
    made = send(engine)
    with engine.read() as db:
        with pytest.raises(RecordingNotReady):
            results.timeline(db, gallery, made)
        with pytest.raises(RecordingNotFound):
            results.job(db, gallery, "rec_none")
    with pytest.raises(GalleryNotFound):
        send(engine, gallery="nowhere")


def test_pages_are_newest_first(engine: Engine) -> None:
    made = [send(engine, probe(ADA)) for _ in range(3)]
    gallery = galleries.get(engine, "default")
    with engine.read() as db:
        first = results.page(db, gallery, limit=2)
        rest = results.page(db, gallery, cursor=first.next_cursor, limit=2)
    assert [one.id for one in (*first.items, *rest.items)] == made[::-1]
    assert rest.next_cursor is None


@pytest.mark.slow
def test_two_workers_do_twenty_jobs_once_each(open_engine: EngineMaker, store_url: str) -> None:
    engines = [open_engine(store_url), open_engine(store_url)]
    made = [send(engines[0], probe(ADA)) for _ in range(20)]
    workers = [Worker(engine, 2, Notice()) for engine in engines]
    for worker in workers:
        worker.start()
    try:
        until(lambda: all(look(engines[0], one).state == "done" for one in made))
    finally:
        for worker in workers:
            worker.stop()
    with engines[0].read() as db:
        found = [db.get(RecordingRow, key) for key in range(1, 21)]
    assert [row.attempts for row in found if row] == [1] * 20
    assert pieces(engines[0]) == 0


@pytest.mark.parametrize("store_kind", ["sqlite"])
@pytest.mark.parametrize("error", [Overloaded(), StoreUnavailable("away")])
def test_a_renewal_that_fails_is_tried_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, error: SpeakeridError
) -> None:
    send(engine)
    row = claim(engine)
    tries, renewed, real = [error], threading.Event(), recordings.QUEUE.renew

    def renew(*arguments: object) -> bool:
        if tries:
            raise tries.pop()
        renewed.set()
        return real(*arguments)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr("speakerid.services.recordings.worker.RENEW_S", 0.01)
    monkeypatch.setattr(recordings.QUEUE, "renew", renew)
    with RecordingLease(engine, Claimed(row.key, row.gallery_key, row.worker or ""), threading.Event()) as lease:
        assert renewed.wait(PATIENCE_S)
        lease.watch(0.5, 1.0)
