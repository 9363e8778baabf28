"""Recordings that are cancelled or erased before they have an answer, on both stores."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from speakerid.audio.decode import stream
from speakerid.audio.limits import RECORDING
from speakerid.errors import RecordingEnded, RecordingNotFound, RecordingWithoutResult
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.recording import hear
from speakerid.services.recordings import audio as kept
from speakerid.services.recordings import cancel, erase, result, run
from tests.audio.encode import soundfile_bytes
from tests.sampled import ADA, BEN, probe
from tests.services.recorded import claim, let_lease_run_out, look, meeting, pieces, rows, send, work

PATIENCE_S = 300.0  # for a busy machine


def test_one_that_waits_is_cancelled_at_once(engine: Engine) -> None:
    made = send(engine)
    gallery = galleries.get(engine, "default")
    assert cancel.cancel(engine, gallery, made).state == "cancelled"
    assert cancel.cancel(engine, gallery, made).state == "cancelled"
    assert (look(engine, made).result, pieces(engine), run.claim(engine, "wrk")) == (None, 0, None)
    with engine.read() as db, pytest.raises(RecordingWithoutResult):
        result.timeline(db, gallery, made)


def test_one_that_runs_stops_soon(engine: Engine) -> None:
    made = send(engine, meeting(*([ADA, BEN] * 15)))
    gallery = galleries.get(engine, "default")
    row = claim(engine)
    working = threading.Thread(target=run.run, args=(engine, row, threading.Event()))
    assert cancel.cancel(engine, gallery, made).cancelling
    working.start()
    working.join(PATIENCE_S)
    found = look(engine, made)
    assert (found.state, found.progress < 100, pieces(engine)) == ("cancelled", True, 0)


def test_one_that_was_heard_when_it_was_cancelled_has_no_answer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = send(engine, probe(ADA))
    gallery = galleries.get(engine, "default")

    def cancelled_at_the_end(*given: Any) -> Any:
        heard = hear(*given)
        cancel.cancel(engine, gallery, made)
        return heard

    monkeypatch.setattr("speakerid.services.recordings.run.hear", cancelled_at_the_end)
    work(engine)
    found = look(engine, made)
    assert (found.state, found.result, pieces(engine)) == ("cancelled", None, 0)


def test_one_whose_worker_is_gone_is_cancelled_by_the_next(engine: Engine) -> None:
    made = send(engine)
    claim(engine)
    cancel.cancel(engine, galleries.get(engine, "default"), made)
    let_lease_run_out(engine)
    work(engine, "wrk_next")
    assert look(engine, made).state == "cancelled"


def test_what_has_ended_cannot_be_cancelled(engine: Engine) -> None:
    made = send(engine, probe(ADA))
    work(engine)
    with pytest.raises(RecordingEnded):
        cancel.cancel(engine, galleries.get(engine, "default"), made)


@pytest.mark.parametrize("begun", [False, True])
def test_an_erased_recording_is_gone_and_whoever_works_on_it_stops(engine: Engine, begun: bool) -> None:
    made = send(engine)
    row = claim(engine) if begun else None
    erase.recording(engine, galleries.get(engine, "default"), made)
    assert (rows(engine), pieces(engine)) == (0, 0)
    if row is not None:
        run.run(engine, row, threading.Event())
    assert (rows(engine), run.claim(engine, "wrk")) == (0, None)
    with pytest.raises(RecordingNotFound):
        look(engine, made)


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_one_that_is_erased_while_it_is_decoded_stops(engine: Engine) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 200 * 16_000)
    made = send(engine, soundfile_bytes(noise, 16_000, "FLAC"))
    key = claim(engine).key
    data = kept.stored(engine, key, 6_000_000)
    pieces_of_sound = stream(data, limits=RECORDING)
    next(pieces_of_sound)
    erase.recording(engine, galleries.get(engine, "default"), made)
    with pytest.raises(kept.AudioGone):
        list(pieces_of_sound)
