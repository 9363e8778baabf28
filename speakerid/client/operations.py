"""What whoever runs a server does over HTTP: keys, and who asked or changed what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from speakerid import types
from speakerid.client.wire import Call, Wire

EVENTS = 1_000  # a page


class Operations:
    """`client.operations`. Every method needs a key with the scope `admin`, those for keys an unbound one."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list_keys(self) -> list[types.Key]:
        """Every key, without its secret."""
        return list(self._wire.ask(types.Page[types.Key], Call("GET", "/v1/keys")).items)

    def create_key(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        galleries: Iterable[str] = (),
        expires: str | None = None,
        requests_per_minute: int | None = None,
        audio_seconds_per_day: int | None = None,
    ) -> types.NewKey:
        """`expires`: a span such as "90d", or a day. The secret is in this answer only."""
        body: dict[str, Any] = {"name": name, "scopes": list(scopes), "galleries": list(galleries)}
        limits = {"requests_per_minute": requests_per_minute, "audio_seconds_per_day": audio_seconds_per_day}
        body |= {field: limit for field, limit in (limits | {"expires": expires}).items() if limit is not None}
        return self._wire.ask(types.NewKey, Call("POST", "/v1/keys", json=body))

    def rotate_key(self, key: str, *, grace: str = "24h", expires: str | None = None) -> types.NewKey:
        """A new secret for the key of this id; the old one is taken for `grace` more."""
        body = {"grace": grace, "expires": expires}
        return self._wire.ask(types.NewKey, Call("POST", f"{_path(key)}/rotate", json=body))

    def revoke_key(self, key: str) -> None:
        self._wire.send(Call("DELETE", _path(key)))

    def access_log(
        self,
        *,
        after: int = 0,
        since: datetime | None = None,
        speaker_id: str | None = None,
        gallery: str | None = None,
    ) -> Iterator[types.AccessEvent]:
        """Who asked or changed what, oldest first, page by page; `after`: behind the event of this id."""
        wanted = {"speaker_id": speaker_id, "gallery": gallery, "since": since.isoformat() if since else None}
        params: dict[str, Any] = {"limit": EVENTS} | {name: one for name, one in wanted.items() if one is not None}
        cursor: str | None = str(after)
        while cursor is not None:
            call = Call("GET", "/v1/access-log", params=params | {"after": cursor})
            page = self._wire.ask(types.Page[types.AccessEvent], call)
            yield from page.items
            cursor = page.next_cursor


def _path(key: str) -> str:
    return f"/v1/keys/{quote(key, safe='')}"
