from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from speakerid.client import Client
from tests.client.through import Through


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def voices(client: TestClient) -> Iterator[Client]:
    """A Client of the real API."""
    with Client("http://127.0.0.1", transport=Through(client)) as made:
        yield made
