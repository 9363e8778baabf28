"""What is a machine's fault, and not a recording's: it passes, or is named for what it is."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from speakerid.db.models import RecordingRow
from speakerid.db.repositories import recordings
from speakerid.db.types import now
from speakerid.errors import (
    DecoderKilled,
    DecoderUnavailable,
    Overloaded,
    StoreUnavailable,
    UnsupportedAudio,
)
from speakerid.services.engine import Engine
from speakerid.services.recording import diarize_and_name
from speakerid.services.recordings import erase, save
from speakerid.services.recordings import worker as running
from speakerid.services.recordings.worker import Worker
from tests.services.recorded import claim, let_lease_run_out, look, out_of_memory, pieces, send, work
from tests.waiting import until


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


FAULTS = [
    (DecoderUnavailable(), "No process can be started"),
    (DecoderKilled(), "too little memory"),
    (Overloaded(), "is full"),
    (StoreUnavailable("The store /data/voices.db cannot be used."), "the store could not be used."),
    (OSError(errno.EMFILE, "Too many open files", "/data/model.onnx"), "Too many open files"),
    (MemoryError(), "too little memory"),
    (RuntimeError("can't start new thread"), "too little memory"),
    (out_of_memory(), "too little memory"),
]


def unable(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error.with_traceback(None)

    return fail


def row(engine: Engine, key: int = 1) -> RecordingRow:
    with engine.read() as db:
        found = db.get(RecordingRow, key)
    assert found is not None
    return found


@pytest.mark.parametrize(("fault", "said"), FAULTS, ids=[type(one).__name__ for one, _ in FAULTS])
def test_a_fault_of_the_machine_is_waited_for_and_named_in_the_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, fault: Exception, said: str
) -> None:
    made = send(engine)
    monkeypatch.setattr(running, "diarize_and_name", unable(fault))
    for _ in range(recordings.ATTEMPTS - 1):
        assert not running.run(engine, claim(engine), threading.Event())
        waiting = look(engine, made)
        assert (waiting.state, waiting.error, running.claim(engine, "wrk_other")) == ("queued", None, None)
        let_lease_run_out(engine)
    work(engine)
    found = look(engine, made)
    assert found.error is not None
    assert (found.state, found.error.code, pieces(engine)) == ("failed", "recording_abandoned", 0)
    assert said in found.error.detail
    assert "/data" not in found.error.detail


def test_pauses_grow_and_leave_a_machine_most_of_an_hour(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = [recordings.pause_s(attempts) for attempts in range(1, recordings.ATTEMPTS)]
    assert pauses == sorted(pauses)
    assert 2_700.0 < sum(pauses) < 3_600.0
    monkeypatch.setattr(running, "diarize_and_name", unable(DecoderUnavailable()))
    send(engine)
    for pause_s in pauses[:2]:
        before = now()
        work(engine)
        begins = row(engine).lease_until
        assert begins is not None
        assert before + timedelta(seconds=pause_s) <= begins <= now() + timedelta(seconds=pause_s)
        let_lease_run_out(engine)


def test_a_recording_is_done_once_the_fault_has_passed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    made = send(engine)
    with monkeypatch.context() as patch:
        patch.setattr(running, "diarize_and_name", unable(DecoderUnavailable()))
        work(engine)
    let_lease_run_out(engine)
    work(engine)
    assert look(engine, made).state == "done"


def test_a_machine_that_cannot_work_leaves_what_waits_to_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PAUSE_S", "LONGEST_PAUSE_S"):
        monkeypatch.setattr(recordings, name, 3_600.0)
    monkeypatch.setattr(running, "UNFIT_S", 3_600.0)
    monkeypatch.setattr(running, "diarize_and_name", unable(DecoderUnavailable()))
    send(engine)
    second = send(engine)
    worker = Worker(engine, 1)
    worker.start()
    until(lambda: (row(engine).state, row(engine).attempts) == ("queued", 1))
    assert claim(engine, "wrk_elsewhere").id == second
    worker.stop()
    assert row(engine, 2).attempts == 1


def test_an_answer_is_kept_once_the_store_takes_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    away, done = [StoreUnavailable("full"), Overloaded()], save.done
    begun = list[None]()

    def counted(*asked: Any) -> Any:
        begun.append(None)
        return diarize_and_name(*asked)

    def once_there(*found: Any) -> bool:
        if away:
            raise away.pop()
        return done(*found)

    monkeypatch.setattr(running, "RENEW_S", 0.01)
    monkeypatch.setattr(running, "diarize_and_name", counted)
    monkeypatch.setattr(save, "done", once_there)
    made = send(engine)
    work(engine)
    assert (look(engine, made).state, len(begun)) == ("done", 1)


def test_a_reason_is_kept_once_the_store_takes_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the recording would be begun anew until it is abandoned, for another reason."""
    away, refused = [StoreUnavailable("full"), Overloaded()], save.refused

    def once_there(*said: Any) -> None:
        if away:
            raise away.pop()
        refused(*said)

    monkeypatch.setattr(running, "RENEW_S", 0.01)
    monkeypatch.setattr(running, "diarize_and_name", unable(UnsupportedAudio("This is no audio.")))
    monkeypatch.setattr(save, "refused", once_there)
    made = send(engine)
    work(engine)
    error = look(engine, made).error
    assert error is not None
    assert error.code == "unsupported_audio"


def test_audio_that_cannot_be_erased_now_changes_no_answer(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    made = send(engine)
    with monkeypatch.context() as patch:
        patch.setattr(recordings, "drop_pieces", unable(StoreUnavailable("full")))
        work(engine)
    assert (look(engine, made).state, pieces(engine)) == ("done", 1)
    erase.leftovers(engine)
    assert pieces(engine) == 0
