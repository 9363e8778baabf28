from __future__ import annotations

from collections.abc import Iterator

import pytest

from speakerid.db.engine import Database, open_database


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """At the newest schema, without any row."""
    opened = open_database(store_url)
    yield opened
    opened.close()
