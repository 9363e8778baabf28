from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from speakerid.api.app import create_app
from speakerid.classification.classifier import ClassifierFolder
from speakerid.services import keys
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from tests.classification.tone_classifier import tones
from tests.engines import EngineMaker

ClientMaker = Callable[..., TestClient]
Scoped = Callable[..., dict[str, str]]


@pytest.fixture(params=["sqlite"])
def store_kind(request: pytest.FixtureRequest) -> str:
    """What differs between stores is tested below the API; files that want both say so."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def classifiers(tmp_path_factory: pytest.TempPathFactory) -> ClassifierFolder:
    return tones(tmp_path_factory.mktemp("classifiers"))


@pytest.fixture
def engine(open_engine: EngineMaker, store_url: str, classifiers: ClassifierFolder) -> Engine:
    """With the classifier `tones`."""
    return open_engine(store_url, classifiers=classifiers)


@pytest.fixture
def open_client(engine: Engine, app: FastAPI) -> Iterator[ClientMaker]:
    """Clients of one engine under other settings. A failure inside the server is an answer, as over a network."""
    with ExitStack() as stack:

        def make(engine: Engine = engine, base_url: str = "http://127.0.0.1", **settings: Any) -> TestClient:
            made = create_app(engine, Settings(**settings))
            made.openapi_schema = app.openapi()  # no setting changes it, and the first answer needs it: 0.2 s of CPU
            return stack.enter_context(TestClient(made, base_url=base_url, raise_server_exceptions=False))

        yield make


@pytest.fixture
def key(engine: Engine) -> Scoped:
    """`key("read", galleries=("team",))` makes a key and gives the header that carries it."""

    def make(*scopes: str, galleries: tuple[str, ...] = ()) -> dict[str, str]:
        with engine.write() as db:
            made = keys.create(db, "test", scopes, galleries)
        return {"Authorization": f"Bearer {made.secret}"}

    return make
