"""The real service with encoder processes: killed ones cost a request, and a stop one that hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import httpx
import pytest

from speakerid.audio.children import pool
from speakerid.cli.serve import _warm_up
from tests.audio.children.processes import children_of, runs
from tests.cli.command import Command
from tests.sampled import ADA, BEN, probe
from tests.waiting import PATIENCE_S, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]
IDENTIFY = "/v1/galleries/default/identify"


def below(pid: int) -> set[int]:
    found = children_of(pid)
    return found.union(*(below(one) for one in found))


def encoder_processes(service: int) -> set[int]:
    """By their command line."""
    return {pid for pid in children_of(service) if "encoder_workers" in _command(pid)}


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read()
    except OSError:
        return ""


def test_what_is_killed_costs_its_request_and_a_stop_costs_what_hangs(enrolled: Command) -> None:
    command = [sys.executable, "-m", "speakerid.cli", "serve", "--encoder", "fake", "--store", str(enrolled.store)]
    with (
        subprocess.Popen(
            [*command, "--port", "0", "--workers", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as service,
        ThreadPoolExecutor(4) as threads,
    ):
        assert service.stdout is not None
        url = service.stdout.readline().removeprefix("Listening on ").strip()
        with httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
            ready = client.get("/readyz").json()
            assert (ready["ready"], ready["workers"], ready["workers_wanted"]) == (True, 2, 2)

            def ask(voice: str) -> httpx.Response:
                return client.post(IDENTIFY, content=probe(voice))

            first = sorted(encoder_processes(service.pid))
            assert len(first) == 2
            for pid in first:  # so that each has a recording when it is killed
                os.kill(pid, signal.SIGSTOP)
            asked = [threads.submit(ask, voice) for voice in (ADA, BEN)]
            until(lambda: "speakerid_workers_busy 2.0" in client.get("/metrics").text)
            for pid in first:
                os.kill(pid, signal.SIGKILL)
            lost = [one.result() for one in asked]
            assert [(one.status_code, one.json()["code"]) for one in lost] == [(503, "encoder_worker_lost")] * 2
            until(lambda: client.get("/readyz").json()["workers"] == 2)
            assert "speakerid_workers_replaced_total 2.0" in client.get("/metrics").text
            assert {ask(voice).json()["speaker"]["name"] for voice in (ADA, BEN)} == {ADA, BEN}

            everything, second = below(service.pid), encoder_processes(service.pid)
            for pid in second:
                os.kill(pid, signal.SIGSTOP)
            running = [threads.submit(ask, ADA) for _ in range(2)]
            until(lambda: "speakerid_workers_busy 2.0" in client.get("/metrics").text)
            os.kill(min(second), signal.SIGCONT)
            until(lambda: "speakerid_workers_busy 1.0" in client.get("/metrics").text)
            for pid in (service.pid, *second):  # as systemd does
                os.kill(pid, signal.SIGTERM)
            ended = sorted((one.result() for one in running), key=lambda one: one.status_code)
            assert ended[0].json()["decision"] == "accept"
            assert (ended[1].status_code, ended[1].json()["code"]) == (503, "service_stopping")  # of the one that hangs
        assert service.wait(PATIENCE_S) == 0
        until(lambda: not any(map(runs, everything)))
        assert service.stderr is not None
        said = service.stderr.read()
    assert said.count("an encoder process ended: Killed") == 2
    assert said.count("gave no answer for 5 s") == 1


@pytest.mark.parametrize(("workers", "warmed"), [(Mock(), 0), (None, 1)], ids=["beside it", "none"])
def test_a_service_keeps_children_that_decode_where_it_decodes(
    workers: Mock | None, warmed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm = Mock()
    monkeypatch.setattr(pool, "warm", warm)
    _warm_up(Mock(workers=workers, transcriber=None, each=()))
    assert warm.call_count == warmed


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_number_that_is_none_is_refused(speakerid: Command, count: str) -> None:
    ran = speakerid("serve", "--workers", count)
    assert ran.code == 2
    assert not speakerid.store.exists()
