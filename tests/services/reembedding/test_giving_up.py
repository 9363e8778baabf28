"""A move to another encoder that does not get on is given up, with the reason."""

from __future__ import annotations

import pytest

from speakerid.errors import DecoderKilled, DecoderUnavailable
from speakerid.services.engine import Engine
from speakerid.services.recordings import faults
from speakerid.services.reembedding import jobs, work
from tests.services.recorded import out_of_memory
from tests.services.reembedding.two_encoders import OTHER, claim, let_lease_run_out, move


def test_a_job_whose_workers_end_before_an_utterance_is_done_is_given_up(both: Engine) -> None:
    jobs.start(both, "default", OTHER)
    for nth in range(3):
        claim(both, f"wrk_{nth}")
        let_lease_run_out(both)
    move(both)
    error = jobs.latest(both, "default").error
    assert error is not None
    assert error.code == "reembedding_abandoned"
    assert "the process that worked on it ended" in error.detail


@pytest.mark.parametrize("fault", [DecoderUnavailable(), DecoderKilled(), out_of_memory()], ids=lambda one: one.code)
def test_a_machine_that_cannot_work_is_waited_for(
    both: Engine, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def unable(*_: object, **__: object) -> None:
        raise fault

    jobs.start(both, "default", OTHER)
    with monkeypatch.context() as patch:
        patch.setattr(work, "prepare_probe", unable)
        for _ in range(work.ATTEMPTS):
            assert jobs.latest(both, "default").state == "queued"
            move(both)
            assert work.claim(both, "wrk_other") is None  # there is a pause
            let_lease_run_out(both)
    error = jobs.latest(both, "default").error
    assert error is not None
    assert (error.code, faults.reason(fault) in error.detail) == ("reembedding_abandoned", True)
