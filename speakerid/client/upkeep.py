"""The verbs of Client that keep galleries in order, and that move them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from speakerid import types
from speakerid.client import gallery_files
from speakerid.client.jobs import Watch, ended, unwatched
from speakerid.client.wire import Call, Wire, as_client_error
from speakerid.errors import AmbiguousName, SpeakerNotFound

Json = dict[str, Any]
Answer = TypeVar("Answer")
SPEAKER_ID = re.compile(r"spk_[0-9A-HJKMNP-TV-Z]{26}")


class ServerUpkeep:
    """On a server, inside one gallery."""

    _wire: Wire
    _gallery: str  # its path

    def audit(self) -> types.Audit:
        """What is wrong in the gallery, and what would repair it."""
        found = self._ask(types.Audit, "POST", f"{self._gallery}/audit")
        while found.next_cursor is not None:  # a large gallery answers page by page
            more = self._ask(types.Audit, "POST", f"{self._gallery}/audit", {"cursor": found.next_cursor})
            utterances, findings = found.utterances + more.utterances, found.findings + more.findings
            found = replace(more, utterances=utterances, findings=findings)
        return found

    def merge(self, speaker: str, into: str) -> types.Repair:
        """Make two speakers one: `into`."""
        path = f"{self._of(self._id(speaker))}/merge"
        return self._ask(types.Repair, "POST", path, body={"into": self._id(into)})

    def move(self, speaker: str, utterance: str, to: str) -> types.Repair:
        """Give an utterance of `speaker` to another speaker."""
        path = f"{self._of(self._id(speaker))}/utterances/{quote(utterance, safe='')}/move"
        return self._ask(types.Repair, "POST", path, body={"to": self._id(to)})

    def split(self, speaker: str, utterances: Iterable[str], name: str, **fields: Any) -> types.Repair:
        """Give these utterances of a speaker to a new one called `name`.

        `fields`: external_id, metadata, consent, tags.
        """
        body = {"name": name, "utterances": list(utterances)} | fields
        return self._ask(types.Repair, "POST", f"{self._of(self._id(speaker))}/split", body=body)

    def history(self) -> list[types.Change]:
        """Every merge, move and split of the gallery, newest first."""
        return self._wire.pages(types.Page[types.Change], f"{self._gallery}/history")

    def undo(self, change: str = "last") -> types.Repair:
        """Take back a change, by id, or the last one."""
        return self._ask(types.Repair, "POST", f"{self._gallery}/history/{quote(change, safe='')}/undo")

    def galleries(self) -> list[types.Gallery]:
        """Every gallery that the key may see."""
        return list(self._ask(types.Page[types.Gallery], "GET", "/v1/galleries").items)

    def create_gallery(self, name: str, **settings: Any) -> types.Gallery:
        """`settings`: those of the gallery, such as target_fpir, keep_audio, combining, keep_unknown_voices."""
        return self._ask(types.Gallery, "POST", "/v1/galleries", body={"name": name} | settings)

    def change_gallery(self, name: str, **settings: Any) -> types.Gallery:
        return self._ask(types.Gallery, "PATCH", f"/v1/galleries/{quote(name, safe='')}", body=settings)

    def delete_gallery(self, name: str) -> None:
        """Erase a gallery with all of its speakers."""
        self._wire.send(Call("DELETE", f"/v1/galleries/{quote(name, safe='')}"))

    def calibrate(self, *, dry_run: bool = False) -> types.CalibrationReport:
        """Fit a calibration on the gallery's own utterances; `dry_run` only looks."""
        return self._ask(types.CalibrationReport, "POST", f"{self._gallery}/calibrate", {"dry_run": dry_run})

    def reset_calibration(self) -> types.Gallery:
        """Go back to the encoder's default calibration."""
        return self._ask(types.Gallery, "DELETE", f"{self._gallery}/calibration")

    def export_gallery(self, name: str, file: str | Path, *, audio: bool = False) -> types.GalleryExport:
        """Write a gallery to one new file; `audio`: with the recordings that it keeps."""
        return gallery_files.fetch(self._wire, name, Path(file), audio=audio)

    def import_gallery(
        self, file: str | Path, *, name: str | None = None, reembed: bool = False
    ) -> types.GalleryImport:
        """Make the gallery that was exported, by its own name or as `name`. All of it or nothing.

        `reembed`: of another encoder's, from the audio in the file.
        """
        return gallery_files.send(self._wire, Path(file), name, reembed=reembed)

    def reembed(self, encoder: str | None = None, *, watch: Watch = unwatched) -> types.Reembedding:
        """Move the gallery to the server's encoder of this name, by default its own, and wait until that has ended.

        It goes on when this is interrupted; called again, it is waited for again. `watch(percent, 100)` is called as it
        goes. The `state` is done, failed (`error` says why) or cancelled.
        """
        self._ask(
            types.Reembedding, "POST", f"{self._gallery}/reembed", {} if encoder is None else {"encoder": encoder}
        )
        return ended(self.reembedding, watch)

    def reembedding(self) -> types.Reembedding:
        """The gallery's last way to another encoder."""
        return self._ask(types.Reembedding, "GET", f"{self._gallery}/reembed")

    def cancel_reembedding(self) -> types.Reembedding:
        """The gallery stays as it is."""
        return self._ask(types.Reembedding, "POST", f"{self._gallery}/reembed/cancel")

    def _id(self, speaker: str) -> str:
        found = self._find(speaker)
        if found is None:
            raise as_client_error(SpeakerNotFound(speaker), 404)
        return found

    def _find(self, speaker: str) -> str | None:
        """The id itself, the id of the one speaker of this name, or None."""
        if SPEAKER_ID.fullmatch(speaker):
            return speaker
        found = self._wire.pages(types.Page[types.Speaker], f"{self._gallery}/speakers", {"name": speaker})
        if len(found) > 1:
            raise as_client_error(AmbiguousName(speaker, [one.id for one in found]), 422)
        return found[0].id if found else None

    def _of(self, speaker_id: str) -> str:
        return f"{self._gallery}/speakers/{quote(speaker_id, safe='')}"

    def _ask(
        self, kind: type[Answer], method: str, path: str, params: Json | None = None, body: Json | None = None
    ) -> Answer:
        return self._wire.ask(kind, Call(method, path, params or {}, json=body))
