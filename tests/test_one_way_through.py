"""One way through: how many files of the package a request crosses on its way from the route to the answer.

Whoever reads or changes a request has to know these files. The limits are what is crossed today and may only sink;
for identify 20 are wanted.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import speakerid
from speakerid.api.app import create_app
from speakerid.audio.decode import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import build_worker
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from tests.engines import make_engine
from tests.sampled import ADA, BEN, probe, utterance
from tests.services.recorded import MEETING

PACKAGE = Path(speakerid.__file__).parent
SETTINGS = Settings()
GALLERY = "/v1/galleries/default"
ROUTES = ("identify_speaker", "enroll_utterance")
IDENTIFY, ENROLL = 26, 38
RECORDING = 69  # with what erases its audio afterwards


class Crossed:
    """Files of the package with a function that runs, in any thread that starts after `watching`.

    Counted while one of ROUTES runs, or while `counting` is open.
    """

    def __init__(self) -> None:
        self.files: set[str] = set()
        self._open = 0

    def profile(self, frame: FrameType, event: str, _argument: Any) -> None:
        """As `sys.setprofile` wants it. Bodies of modules and classes are no functions."""
        code = frame.f_code
        if not code.co_filename.startswith(str(PACKAGE)) or event not in ("call", "return"):
            return
        if code.co_name in ROUTES:
            self._open += 1 if event == "call" else -1
        if self._open and event == "call" and code.co_flags & inspect.CO_NEWLOCALS:
            self.files.add(Path(code.co_filename).relative_to(PACKAGE).as_posix())

    @contextmanager
    def counting(self) -> Iterator[None]:
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    @contextmanager
    def watching(self) -> Iterator[None]:
        threading.setprofile(self.profile)
        sys.setprofile(self.profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)


@pytest.fixture
def crossed() -> Iterator[Crossed]:
    watch = Crossed()
    with watch.watching():
        yield watch


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def engine(crossed: Crossed, store_url: str) -> Iterator[Engine]:
    """Its threads are watched, and its path from bytes to speech is the real one."""
    made = make_engine(store_url, Preparer(SileroVad()))
    yield made
    made.close()


@pytest.fixture
def api(engine: Engine, crossed: Crossed) -> Iterator[TestClient]:
    """Two speakers are enrolled, and what only a first request builds is built."""
    app: FastAPI = create_app(engine, SETTINGS)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for name in (ADA, BEN):
            made = client.post(f"{GALLERY}/speakers", json={"name": name}).json()
            for nth in range(2):
                enroll(client, made["id"], utterance(name, nth))
        client.post(f"{GALLERY}/identify", content=probe(BEN, 0))
        crossed.files.clear()
        yield client


def enroll(api: TestClient, speaker_id: str, audio: bytes) -> int:
    return api.post(f"{GALLERY}/speakers/{speaker_id}/utterances", content=audio).status_code


def test_identify_crosses_few_files(api: TestClient, crossed: Crossed) -> None:
    assert api.post(f"{GALLERY}/identify", content=probe(ADA, 0)).json()["decision"] == "accept"
    assert "api/routes/identify.py" in crossed.files
    assert len(crossed.files) <= IDENTIFY, sorted(crossed.files)


def test_enroll_crosses_few_files(api: TestClient, crossed: Crossed) -> None:
    speaker = api.get(f"{GALLERY}/speakers").json()["items"][0]["id"]
    audio = utterance(ADA, 2)
    assert enroll(api, speaker, audio) == 201
    assert "api/routes/speakers.py" in crossed.files
    assert len(crossed.files) <= ENROLL, sorted(crossed.files)


def test_a_recording_crosses_few_files(api: TestClient, engine: Engine, crossed: Crossed) -> None:
    """From the request through the worker to the answer, with all that is around the routes."""
    worker = build_worker(engine, SETTINGS, 1)
    worker.start()
    with crossed.counting():
        job = api.post(f"{GALLERY}/recordings", content=MEETING).json()
        while (answer := api.get(f"{GALLERY}/recordings/{job['id']}").json())["state"] != "done":
            assert answer["state"] in ("queued", "running"), answer
        worker.stop()  # once the audio is erased
    assert len(crossed.files) <= RECORDING, sorted(crossed.files)
