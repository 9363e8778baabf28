from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.cli.command import Command

pytestmark = pytest.mark.slow
PATIENCE_S = 300


@dataclass(frozen=True)
class Started:
    process: subprocess.Popen[str]
    line: str

    @property
    def url(self) -> str:
        return self.line.removeprefix("Listening on ").strip()

    def stop(self, number: int) -> tuple[int, str]:
        """The exit code and what was printed meanwhile."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out + err


@contextmanager
def _serve(store: Path, *arguments: str) -> Iterator[Started]:
    command = [sys.executable, "-m", "speakerid.cli", "serve", "--encoder", "fake", "--store", str(store), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Started(process, process.stdout.readline())
        finally:
            process.kill()


def test_it_announces_itself_when_it_accepts_and_stops_on_sigterm(enrolled: Command) -> None:
    with _serve(enrolled.store, "--port", "0") as started:
        ready = httpx.get(f"{started.url}/readyz", timeout=PATIENCE_S)
        assert (ready.status_code, ready.json()["encoder"]) == (200, "ok")
        assert ready.json()["last_inference_age_s"] is not None  # it was warmed up
        assert started.stop(signal.SIGTERM) == (0, "")
    assert not enrolled.store.with_name("voices.db-wal").exists()  # the store was closed


def test_ctrl_c_and_access_log(enrolled: Command) -> None:
    with _serve(enrolled.store, "--port", "0", "--access-log") as started:
        httpx.get(f"{started.url}/healthz", timeout=PATIENCE_S)
        code, printed = started.stop(signal.SIGINT)
    assert code == 0
    assert "GET /healthz" in printed


def test_the_log_may_be_a_json_object_a_line(enrolled: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEAKERID_LOG_FORMAT", "json")
    with _serve(enrolled.store, "--port", "0") as started:
        httpx.get(f"{started.url}/v1/galleries/default", headers={"X-Request-Id": "mine-1"}, timeout=PATIENCE_S)
        code, printed = started.stop(signal.SIGTERM)
    (line,) = (json.loads(one) for one in printed.splitlines())
    assert (code, line["route"], line["request_id"]) == (0, "/v1/galleries/{gallery}", "mine-1")


def test_json_announcement(enrolled: Command) -> None:
    with _serve(enrolled.store, "--port", "0", "--json") as started:
        assert httpx.get(f"{json.loads(started.line)['url']}/healthz", timeout=PATIENCE_S).status_code == 200


def _answer(started: Started, request: bytes) -> httpx.Response:
    """To bytes that no HTTP library would send."""
    with socket.create_connection(("127.0.0.1", httpx.URL(started.url).port or 0), PATIENCE_S) as plain:
        plain.sendall(request)
        head, _, body = plain.makefile("rb").read().partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(one.split(": ", 1) for one in lines)
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)


def test_what_is_no_request_gets_a_problem_document_too(enrolled: Command) -> None:
    with _serve(enrolled.store, "--port", "0") as started:
        path = f"{started.url}/v1/galleries/default/recordings"
        longest = {"candidates": "\N{GRINNING FACE}" * 2_000, "webhook": "https://example.org/" + "%20" * 660}
        fits = httpx.post(path, params=longest, headers={"Authorization": "Bearer " + "x" * 1_000}, timeout=PATIENCE_S)
        endless = _answer(started, b"GET /v1?candidates=" + b"a" * 200_000)
        other = _answer(started, b"\x16\x03\x01 this is TLS\r\n\r\n")
    problem = endless.json()
    assert (endless.status_code, problem["code"]) == (431, "request_head_too_large")
    assert endless.headers["content-type"] == "application/problem+json"
    assert endless.headers["x-request-id"] == problem["request_id"] != ""
    assert problem["error"].endswith("Shorten the query, or send fewer headers.")
    assert (other.status_code, other.json()["code"]) == (400, "invalid_http")
    assert fits.json()["code"] not in ("request_head_too_large", "invalid_http")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc to see what a process has loaded")
def test_no_torch(enrolled: Command) -> None:
    with _serve(enrolled.store, "--port", "0") as started:
        assert started.url
        maps = Path(f"/proc/{started.process.pid}/maps").read_text()
    assert "onnxruntime" in maps
    assert "libtorch" not in maps


def test_other_machines_need_a_key(speakerid: Command) -> None:
    ran = speakerid("serve", "--host", "0.0.0.0", "--port", "0")
    assert (ran.code, ran.out) == (2, "")
    assert "settings_error: 0.0.0.0 can be reached" in ran.err
    assert "speakerid keys create" in ran.err


def test_with_a_key_other_machines_may_ask(speakerid: Command) -> None:
    assert speakerid("db", "upgrade").code == 0
    secret = speakerid("keys", "create", "all", "--scope", "admin", "--json").json["secret"]
    with _serve(speakerid.store, "--port", "0", "--host", "0.0.0.0") as started:
        url = started.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{url}/v1/galleries", timeout=PATIENCE_S).status_code == 401
        ran = speakerid("galleries", "list", "--url", url, "--key", secret, "--json")
        assert [one["name"] for one in ran.json["items"]] == ["default"]
        assert speakerid("galleries", "list", "--url", url, SPEAKERID_KEY=secret).code == 0
        assert speakerid("galleries", "list", "--url", url, "--json").problem["code"] == "key_missing"


def test_a_port_in_use_is_a_sentence(speakerid: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran = speakerid("serve", "--port", str(port), "--json")
    assert ran.code == 2
    assert ran.problem["code"] == "settings_error"
    assert str(port) in ran.problem["error"]
    assert not speakerid.store.exists()  # found out before anything was made


@pytest.mark.parametrize(
    "arguments", [("--port", "99999"), ("--port", "x"), ("--host", "no.such.host.invalid")], ids=str
)
def test_wrong_settings(speakerid: Command, arguments: tuple[str, str]) -> None:
    assert speakerid("serve", *arguments).code == 2


def test_a_missing_encoder_is_a_sentence(speakerid: Command) -> None:
    ran = speakerid("serve", "--port", "0", "--encoder", "nowhere.onnx", "--json")
    assert ran.code == 1
    assert ran.problem["code"].startswith("encoder_")


def test_settings_come_from_the_environment(speakerid: Command) -> None:
    ran = speakerid("serve", SPEAKERID_HOST="0.0.0.0", SPEAKERID_PORT="0")
    assert "0.0.0.0 can be reached" in ran.err
    assert os.environ.get("SPEAKERID_HOST") is None
