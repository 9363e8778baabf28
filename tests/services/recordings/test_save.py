"""Recordings that are stopped, and who of a recording is kept as an unknown speaker."""

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
from speakerid.services.recording import DiarizedRecording, diarize_and_name
from speakerid.services.recordings import audio as kept
from speakerid.services.recordings import erase, results, save
from speakerid.services.recordings import worker as running
from speakerid.services.recordings.save import strangers
from speakerid.types import Candidate, Decision, RecordedVoice, Recording, SpeakerRef, Speech
from tests.audio.encode import soundfile_bytes
from tests.sampled import ADA, BEN, probe
from tests.services.recorded import claim, let_lease_run_out, look, meeting, pieces, rows, send, work
from tests.waiting import PATIENCE_S


def test_one_that_waits_is_cancelled_at_once(engine: Engine) -> None:
    made = send(engine)
    gallery = galleries.get(engine, "default")
    assert save.cancel(engine, gallery, made).state == "cancelled"
    assert save.cancel(engine, gallery, made).state == "cancelled"
    assert (look(engine, made).result, pieces(engine), running.claim(engine, "wrk")) == (None, 0, None)
    with engine.read() as db, pytest.raises(RecordingWithoutResult):
        results.timeline(db, gallery, made)


def test_one_that_runs_stops_soon(engine: Engine) -> None:
    made = send(engine, meeting(*([ADA, BEN] * 15)))
    gallery = galleries.get(engine, "default")
    row = claim(engine)
    working = threading.Thread(target=running.run, args=(engine, row, threading.Event()))
    assert save.cancel(engine, gallery, made).cancelling
    working.start()
    working.join(PATIENCE_S)
    found = look(engine, made)
    assert (found.state, found.progress < 100, pieces(engine)) == ("cancelled", True, 0)


def test_one_that_was_diarized_when_it_was_cancelled_has_no_answer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = send(engine, probe(ADA))
    gallery = galleries.get(engine, "default")

    def cancelled_at_the_end(*given: Any) -> Any:
        outcome = diarize_and_name(*given)
        save.cancel(engine, gallery, made)
        return outcome

    monkeypatch.setattr("speakerid.services.recordings.worker.diarize_and_name", cancelled_at_the_end)
    work(engine)
    found = look(engine, made)
    assert (found.state, found.result, pieces(engine)) == ("cancelled", None, 0)


def test_one_whose_worker_is_gone_is_cancelled_by_the_next(engine: Engine) -> None:
    made = send(engine)
    claim(engine)
    save.cancel(engine, galleries.get(engine, "default"), made)
    let_lease_run_out(engine)
    work(engine, "wrk_next")
    assert look(engine, made).state == "cancelled"


def test_what_has_ended_cannot_be_cancelled(engine: Engine) -> None:
    made = send(engine, probe(ADA))
    work(engine)
    with pytest.raises(RecordingEnded):
        save.cancel(engine, galleries.get(engine, "default"), made)


@pytest.mark.parametrize("begun", [False, True])
def test_an_erased_recording_is_gone_and_whoever_works_on_it_stops(engine: Engine, begun: bool) -> None:
    made = send(engine)
    row = claim(engine) if begun else None
    erase.recording(engine, galleries.get(engine, "default"), made)
    assert (rows(engine), pieces(engine)) == (0, 0)
    if row is not None:
        running.run(engine, row, threading.Event())
    assert (rows(engine), running.claim(engine, "wrk")) == (0, None)
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


SPEECH = Speech(seconds=5.0, snr_db=20.0, clipping_ratio=0.0, bandwidth_hz=8_000)


def outcome(*llrs: float, decision: Decision = "unknown", enrolled: int = 10, prior: float = 0.5) -> DiarizedRecording:
    """One voice; its candidates are as unlikely as whoever stays without a name."""
    voice = RecordedVoice(
        voice="unknown_1",
        decision=decision,
        speaker=None,
        candidates=tuple(Candidate(SpeakerRef("spk_1", "Ada"), 0.5, llr, 0.1) for llr in llrs),
        margin=None,
        threshold=None,
        speech=SPEECH,
        channel=None,
        reason="",
    )
    found = Recording(
        seconds=9.0,
        turns=(),
        voices=(voice,),
        speech_seconds=5.0,
        prior=prior,
        encoder="fake",
        calibration="default",
        reason="",
    )
    return DiarizedRecording(found, (np.ones(2, np.float32),), enrolled, None)


@pytest.mark.parametrize(
    ("one", "kept"),
    [
        (outcome(-2.0, -3.0), True),
        (outcome(2.0), True),
        (outcome(2.4), False),  # one of ten, as likely as not
        (outcome(2.0, 2.0), False),
        (outcome(2.4, enrolled=100), True),
        (outcome(2.0, prior=0.7), False),
        (outcome(decision="no_speakers", enrolled=0), True),
        (outcome(-2.0, decision="ambiguous"), False),
        (outcome(-2.0, decision="not_enough_speech"), False),
    ],
)
def test_kept_is_who_is_less_likely_anyone_enrolled_than_no_one(one: DiarizedRecording, kept: bool) -> None:
    assert bool(strangers(one, one.recording)) == kept
