"""Where a command works: on a store of this machine, or on a server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import typer

from speakerid.cli.options import Place, Store, Target, read_settings

if TYPE_CHECKING:
    from speakerid import types
    from speakerid.db.engine import Database
    from speakerid.services.recording import Watch

Channel = Literal["mix"] | int


class Verbs(Protocol):
    """The verbs that commands use, of `SpeakerID` on a store and of `Client` on a server alike."""

    def enroll(
        self, speaker: str, *audio: Path, accept: Iterable[str] = (), channel: Channel = "mix"
    ) -> types.Enrollment: ...

    def identify(self, audio: Path, *, top_k: int = 5, channel: Channel = "mix") -> types.Identification: ...

    def verify(self, speaker: str, audio: Path, *, channel: Channel = "mix") -> types.Verification: ...

    def recording(
        self,
        audio: Path,
        *,
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        candidates: Iterable[str] | None = None,
        channel: types.Sides = "mix",
        watch: Watch = ...,
    ) -> types.Recording: ...

    def listen(
        self, messages: Iterable[bytes], *, candidates: Iterable[str] | None = None
    ) -> Iterator[types.Event]: ...

    def speakers(self) -> list[types.Speaker]: ...
    def speaker(self, speaker: str) -> types.Speaker: ...
    def change_speaker(self, speaker: str, **fields: Any) -> types.Speaker: ...
    def delete(self, speaker: str) -> None: ...
    def delete_utterance(self, speaker: str, utterance: str) -> types.Speaker: ...
    def merge(self, speaker: str, into: str) -> types.Repair: ...
    def move(self, speaker: str, utterance: str, to: str) -> types.Repair: ...
    def history(self) -> list[types.Change]: ...
    def undo(self, change: str) -> types.Repair: ...
    def audit(self) -> types.Audit: ...
    def unknowns(self, *, min_recordings: int = 1) -> list[types.UnknownVoice]: ...
    def unknown(self, unknown: str) -> types.UnknownVoiceDetails: ...
    def promote(self, unknown: str, speaker: str, *, accept: Iterable[str] = (), **fields: Any) -> types.Promotion: ...
    def dismiss(self, unknown: str) -> None: ...
    def galleries(self) -> list[types.Gallery]: ...
    def create_gallery(self, name: str, **settings: Any) -> types.Gallery: ...
    def change_gallery(self, name: str, **settings: Any) -> types.Gallery: ...
    def delete_gallery(self, name: str) -> None: ...
    def calibrate(self, *, dry_run: bool = False) -> types.CalibrationReport: ...
    def reset_calibration(self) -> types.Gallery: ...


@contextmanager
def open_backend(place: Place) -> Iterator[Verbs]:
    """Raises SettingsError, StoreError, EncoderError; typer.BadParameter for options that exclude each other."""
    gallery = place.gallery if isinstance(place, Target) else "default"
    url = _server_url(place)
    if url is None:
        from speakerid.bootstrap import build_engine  # numpy, SQLAlchemy, onnxruntime: 1.2 s
        from speakerid.verbs import SpeakerID

        settings = read_settings(store=place.store, encoder=place.encoder)
        with SpeakerID(build_engine(settings), gallery) as sid:
            yield sid
    else:
        from speakerid.client import Client

        with Client(url, place.key, gallery) as client:
            yield client


def _server_url(place: Place) -> str | None:
    """What is typed wins over SPEAKERID_URL."""
    if place.url is not None and (place.store is not None or place.encoder is not None):
        raise typer.BadParameter("--url names a server, which has its own store and encoder. Leave them out.")
    if place.store is not None or place.encoder is not None:
        return None
    return place.url or os.environ.get("SPEAKERID_URL") or None


@contextmanager
def open_store(options: Store, *, newest_schema: bool = True) -> Iterator[Database]:
    """A store alone, for commands that need no encoder. Raises SettingsError, StoreError."""
    from speakerid.db.engine import open_database  # SQLAlchemy and Alembic: 0.5 s
    from speakerid.db.migrate import upgrade

    database = open_database(read_settings(store=options.store).store)
    try:
        if newest_schema:
            upgrade(database)
        yield database
    finally:
        database.close()
