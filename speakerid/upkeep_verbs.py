"""The verbs of SpeakerID that keep galleries in order, and that move them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from speakerid import types
from speakerid.db.models import GalleryRow
from speakerid.db.repositories.repairs import LAST
from speakerid.errors import NotOpen
from speakerid.services import audit, calibrate, galleries, repair, serializers, speakers, split
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.moving import bring_in, send_out
from speakerid.services.reembedding import jobs
from speakerid.services.reembedding import work as reembedding
from speakerid.services.reembedding.work import Elsewhere, Watch, unwatched
from speakerid.services.speakers import SpeakerFields


class StoreUpkeep:
    """Over an open store, inside one gallery."""

    def __init__(self, engine: Engine, gallery: str = galleries.DEFAULT) -> None:
        self._engine: Engine | None = engine
        self._process = os.getpid()
        self.gallery = gallery

    @property
    def engine(self) -> Engine:
        """Raises NotOpen."""
        if self._engine is None:
            raise NotOpen("This SpeakerID was closed. Open the store again with SpeakerID.open().")
        if self._process != os.getpid():  # the threads and connections it works with are not in this process
            raise NotOpen("This SpeakerID was opened in another process. Open the store in each process that uses it.")
        return self._engine

    def audit(self) -> types.Audit:
        """What is wrong in the gallery, and what would repair it. Raises EncoderMismatch."""
        return audit.whole(self.engine, self._row())

    def merge(self, speaker: str, into: str) -> types.Repair:
        """Make two speakers, by name or id, one: `into`. Raises SpeakerNotFound, InvalidRequest."""
        gallery = self._row()
        with self.engine.write() as db:
            ids = [speakers.by_name_or_id(db, gallery, one).id for one in (speaker, into)]
            return repair.merge(db, gallery, *ids)

    def move(self, speaker: str, utterance: str, to: str) -> types.Repair:
        """Give an utterance to another speaker. Raises SpeakerNotFound, UtteranceNotFound, InvalidRequest."""
        gallery = self._row()
        with self.engine.write() as db:
            from_id, to_id = (speakers.by_name_or_id(db, gallery, one).id for one in (speaker, to))
            return repair.move(db, gallery, from_id, utterance, to_id)

    def split(self, speaker: str, utterances: Iterable[str], name: str, **fields: Any) -> types.Repair:
        """Give these utterances of a speaker to a new one called `name`, who was somebody else all the time.

        `fields`: external_id, metadata, consent, tags. Raises SpeakerNotFound, UtteranceNotFound, InvalidRequest,
        ExternalIdTaken.
        """
        gallery, new = self._row(), SpeakerFields(name=name, **fields)
        with self.engine.write() as db:
            speaker_id = speakers.by_name_or_id(db, gallery, speaker).id
            return split.split(db, gallery, speaker_id, list(utterances), new)

    def history(self) -> list[types.Change]:
        """Every merge, move and split of the gallery, newest first."""
        return serializers.every_page(self.engine, partial(repair.history, gallery=self._row()))

    def undo(self, change: str = LAST) -> types.Repair:
        """Take back a change, by id, or the last one. Raises ChangeNotFound, UndoImpossible, ExternalIdTaken."""
        gallery = self._row()
        with self.engine.write() as db:
            return repair.undo(db, gallery, change)

    def galleries(self) -> list[types.Gallery]:
        """Every gallery of the store."""
        with self.engine.read() as db:
            return list(galleries.every(self.engine, db))

    def create_gallery(self, name: str, **settings: Any) -> types.Gallery:
        """`settings`: those of the gallery, such as target_fpir or keep_audio. Raises GalleryExists, InvalidRequest."""
        with self.engine.write() as db:
            made = galleries.create(self.engine, db, name, GallerySettings(**settings))
            return serializers.gallery(self.engine, db, made)

    def change_gallery(self, name: str, **settings: Any) -> types.Gallery:
        """Raises GalleryNotFound, InvalidRequest."""
        with self.engine.write(erase=settings.get("keep_unknown_voices") is False) as db:
            return galleries.update(self.engine, db, name, GallerySettings(**settings))

    def delete_gallery(self, name: str) -> None:
        """Erase a gallery with all of its speakers. Raises GalleryNotFound, DefaultGallery."""
        with self.engine.write(erase=True) as db:
            galleries.delete(db, name)

    def calibrate(self, *, dry_run: bool = False) -> types.CalibrationReport:
        """Fit a calibration on the gallery's own utterances, and use it from now on; `dry_run` only looks.

        Raises TooFewTrials, ClassesOverlap, EncoderMismatch.
        """
        made = calibrate.fit(self.engine, self._row())
        if dry_run:
            return made.report
        with self.engine.write() as db:
            return calibrate.keep(db, self.gallery, made)

    def reset_calibration(self) -> types.Gallery:
        """Go back to the encoder's default calibration."""
        with self.engine.write() as db:
            return calibrate.reset(self.engine, db, self.gallery)

    def export_gallery(self, name: str, file: str | Path, *, audio: bool = False) -> types.GalleryExport:
        """Write a gallery to one new file; `audio`: with the recordings that it keeps.

        Raises GalleryNotFound, GalleryFileExists, GalleryFileUnwritable.
        """
        return send_out.to_file(self.engine, name, Path(file), audio=audio)

    def import_gallery(
        self, file: str | Path, *, name: str | None = None, reembed: bool = False
    ) -> types.GalleryImport:
        """Make the gallery that was exported, by its own name or as `name`. All of it or nothing.

        `reembed`: of another encoder's, from the audio in the file. Raises GalleryTaken, GalleryFileError, FileMissing.
        """
        return bring_in.bring_in(self.engine, Path(file), name, reembed=reembed)

    def reembed(
        self, encoder: str | None = None, *, watch: Watch = unwatched, elsewhere: Elsewhere | None = None
    ) -> types.Reembedding:
        """Move the gallery to the encoder of this name, by default the one that the store was opened with: embeddings
        anew from kept audio, put in place at once. What was begun and interrupted goes on.

        `watch(percent, 100)` is called as it goes; `elsewhere` has others make embeddings. The `state` is done, failed
        (`error` says why) or cancelled. Raises SameEncoder, AudioNotKept, ReembeddingRunning, EncoderNotServed.
        """
        return reembedding.run_here(self.engine, self.gallery, encoder, watch, elsewhere)

    def reembedding(self) -> types.Reembedding:
        """The gallery's last way to another encoder. Raises ReembeddingNotFound."""
        return jobs.latest(self.engine, self.gallery)

    def cancel_reembedding(self) -> types.Reembedding:
        """The gallery stays as it is. Raises ReembeddingNotFound, ReembeddingEnded."""
        return jobs.cancel(self.engine, self.gallery)

    def close(self) -> None:
        """May be called again."""
        engine, self._engine = self._engine, None
        if engine is not None and self._process == os.getpid():
            engine.close()

    def _row(self) -> GalleryRow:
        return galleries.get(self.engine, self.gallery)
