"""A gallery's file becomes a gallery: all of it is there, or nothing.

Part by part, so that other writers get their turn, under a name that nobody can ask for; the last transaction gives it
its own. What a process that was killed leaves behind is erased by the next that opens the store or imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import count, groupby
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from speakerid.db.asked import asking
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import galleries as rows
from speakerid.db.repositories import moving
from speakerid.db.types import new_id, now
from speakerid.encoders.base import label_of
from speakerid.errors import GalleryFileDamaged, GalleryFileOtherEncoder, GalleryTaken, InvalidRequest
from speakerid.scoring.cosine import shares, voiceprint
from speakerid.services import galleries, serializers, validation
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.judge import StoredCalibration
from speakerid.services.moving.gallery_file import GalleryLine, Manifest, SpeakerLine, UtteranceLine
from speakerid.services.moving.reading import GalleryPart, opened
from speakerid.services.moving.reembed import reembedded
from speakerid.services.recordings.audio import is_gone, this_process
from speakerid.types import FloatArray, GalleryImport

AUDIO_AT_ONCE_BYTES = 32 * 1024 * 1024
YEARS = range(1970, 9000)
ERASED_AT_ONCE = 500  # speakers
NO_LONGER = timedelta(days=1)  # does an import take: where nobody can see whether its process is there
_NTH = count()


def bring_in(engine: Engine, file: Path | BinaryIO, name: str | None = None, *, reembed: bool = False) -> GalleryImport:
    """Make the gallery of `file`, as `name` or by its own name; an empty gallery of that name makes room.

    Ids stay what they are, but for those that the store has already. `reembed`: with embeddings of the running encoder,
    where the file is of another and carries all audio. Raises GalleryFileError, GalleryTaken,
    FileMissing, InvalidRequest for a `name` that cannot be one.
    """
    with opened(file) as found:
        manifest = found.manifest
        called = validation.gallery_name(manifest.gallery.name if name is None else name)
        fits = _fits(engine, manifest)
        if not fits and not (reembed and manifest.audio == manifest.utterances):
            made_with = label_of(manifest.encoder.name, manifest.encoder.fingerprint)
            raise GalleryFileOtherEncoder(made_with, engine.encoder_label, audio=manifest.audio == manifest.utterances)
        with engine.read() as db:
            _require_room(db, called)
        found.check()  # before any writer has to wait
        clear_leftovers(engine)
        with nullcontext(found.parts()) if fits else reembedded(engine, found) as parts:
            return _made(engine, called, manifest, parts)


def clear_leftovers(engine: Engine) -> None:
    """Erase what imports left behind whose process ended in the middle."""
    with engine.read() as db:
        found = moving.hidden(db)
    for row in found:
        if is_gone(row.name.removeprefix(rows.HIDDEN).rpartition("/")[0]) or row.created_at < now() - NO_LONGER:
            _erase(engine, row.key)


def _made(engine: Engine, called: str, manifest: Manifest, parts: Iterator[GalleryPart]) -> GalleryImport:
    with asking(None), engine.write() as db:  # the access log has it once, when it is there
        gallery = _gallery(engine, db, f"{rows.HIDDEN}{this_process()}/{next(_NTH)}", manifest.gallery)
    try:
        making = _Import(engine, gallery, manifest)
        making.run(parts)
        with engine.write() as db:
            return making.show(db, called)
    except BaseException:
        _erase(engine, gallery.key)
        raise


def _erase(engine: Engine, key: int) -> None:
    while True:
        with asking(None), engine.write(erase=True) as db:
            if not moving.drop_speakers(db, key, ERASED_AT_ONCE):
                moving.drop_hidden(db, key)
                return


class _Import:
    def __init__(self, engine: Engine, gallery: GalleryRow, manifest: Manifest) -> None:
        self._engine, self._gallery, self._manifest = engine, gallery, manifest
        self._speaker_ids, self._utterance_ids = dict[str, str](), dict[str, str]()

    def run(self, parts: Iterator[GalleryPart]) -> None:
        """A transaction a part."""
        speakers = utterances = audio = 0
        for part in parts:
            with asking(None), self._engine.write() as self._db:
                self._part(part)
            speakers += len(part.speakers)
            utterances += len(part.utterances)
            audio += sum(one.audio_bytes is not None for one in part.utterances)
        if (speakers, utterances, audio) != (self._manifest.speakers, self._manifest.utterances, self._manifest.audio):
            raise GalleryFileDamaged("it holds more or less than its manifest.json says")

    def show(self, db: Handle, name: str) -> GalleryImport:
        """From now on it is there. Raises GalleryTaken."""
        if (bare := _require_room(db, name)) is not None:
            moving.replace(db, bare)
        moving.rename(db, self._gallery.key, name)
        made = serializers.gallery(self._engine, db, rows.get(db, name))
        counts = self._manifest.utterances, self._manifest.audio
        return GalleryImport(made, *counts, self._speaker_ids, self._utterance_ids)

    def _part(self, part: GalleryPart) -> None:
        own = _by_speaker(part)
        speaker_ids = self._ids(SpeakerRow, "spk", [one.id for one in part.speakers], self._speaker_ids)
        voiceprints = (self._voiceprint(part, own.get(one.id, range(0))) for one in part.speakers)
        lines = zip(part.speakers, speaker_ids, voiceprints, strict=True)
        keys = moving.add_speakers(self._db, [self._speaker(*one) for one in lines])
        self._tags(part.speakers, keys)
        by_id = {one.id: key for one, key in zip(part.speakers, keys, strict=True)}
        utterance_ids = self._ids(UtteranceRow, "utt", [one.id for one in part.utterances], self._utterance_ids)
        made, size = list[dict[str, Any]](), 0
        for line, utterance_id, embedding in zip(part.utterances, utterance_ids, part.embeddings, strict=True):
            kept = {
                "fingerprint": part.fingerprints.next(line.fingerprint_bytes),
                "audio": part.audio.next(line.audio_bytes),
            }
            made.append(self._utterance(line, utterance_id, by_id[line.speaker], embedding) | kept)
            size += line.audio_bytes or 0
            if size >= AUDIO_AT_ONCE_BYTES:
                moving.add_utterances(self._db, made)
                made, size = [], 0
        moving.add_utterances(self._db, made)

    def _ids(
        self, kind: type[SpeakerRow] | type[UtteranceRow], prefix: str, ids: Sequence[str], changed: dict[str, str]
    ) -> list[str]:
        """New ones where others have them; in the same order. Raises GalleryFileDamaged for one that is there twice."""
        taken = sorted(moving.ids_elsewhere(self._db, kind, self._gallery.key, ids))
        new = dict(zip(taken, sorted(new_id(prefix) for _ in taken), strict=True))
        if len(set(ids)) != len(ids) or not changed.keys().isdisjoint(ids):
            raise GalleryFileDamaged(moving.TWICE)
        changed.update(new)
        return [new.get(one, one) for one in ids]

    def _voiceprint(self, part: GalleryPart, nth: range) -> FloatArray | None:
        """Of these utterances of the part, as an enrollment makes it. Raises GalleryFileDamaged."""
        if not nth:
            return None
        seconds = np.array([part.utterances[one].speech_seconds for one in nth])
        embeddings = part.embeddings[nth.start : nth.stop]
        try:
            return voiceprint(embeddings, shares(self._manifest.gallery.combining, seconds))
        except ValueError as error:
            raise GalleryFileDamaged(f"no voiceprint can be made: {error}") from None

    def _speaker(self, line: SpeakerLine, speaker_id: str, voice: FloatArray | None) -> dict[str, Any]:
        with _checked(line.id):
            return {
                "id": speaker_id,
                "gallery_key": self._gallery.key,
                "name": validation.name(line.name),
                "external_id": None if line.external_id is None else validation.name(line.external_id, "external_id"),
                "details": validation.details(line.metadata, "metadata"),
                "consent": validation.consent(line.consent),
                "opted_out_at": None if line.opted_out_at is None else _utc(line.opted_out_at),
                "voiceprint": voice,
                "created_at": _utc(line.created_at),
            }

    def _tags(self, lines: Sequence[SpeakerLine], keys: Sequence[int]) -> None:
        """Raises GalleryFileDamaged."""
        made = list[dict[str, Any]]()
        for line, key in zip(lines, keys, strict=True):
            with _checked(line.id):
                tags = validation.tags(line.tags)
            made += [{"gallery_key": self._gallery.key, "speaker_key": key, "tag": tag} for tag in tags]
        moving.add_tags(self._db, made)

    def _utterance(
        self, line: UtteranceLine, utterance_id: str, speaker_key: int, embedding: FloatArray
    ) -> dict[str, Any]:
        return {
            "id": utterance_id,
            "gallery_key": self._gallery.key,
            "speaker_key": speaker_key,
            "sha256": line.sha256,
            "speech_s": line.speech_seconds,
            "snr_db": line.snr_db,
            "clipping_ratio": line.clipping_ratio,
            "bandwidth_hz": line.bandwidth_hz,
            "voices": line.voices,
            "accepted": list(line.accepted),
            "embedding": embedding,
            "encoder_name": self._gallery.encoder_name,
            "encoder_fingerprint": self._gallery.encoder_fingerprint,
            "created_at": _utc(line.created_at),
        }


def _fits(engine: Engine, manifest: Manifest) -> bool:
    """Whether its embeddings are the running encoder's; an empty gallery follows any."""
    encoder, running = manifest.encoder, engine.encoder
    same = encoder.fingerprint == running.fingerprint and encoder.dim == running.dim
    return same or not manifest.utterances


def _require_room(db: Handle, name: str) -> GalleryRow | None:
    """The empty gallery that is in the way. Raises GalleryTaken."""
    if rows.find(db, name) is None:
        return None
    row = rows.get(db, name, lock="change")
    if not moving.is_bare(db, row.key):
        raise GalleryTaken(name)
    return row


def _gallery(engine: Engine, db: Handle, name: str, line: GalleryLine) -> GalleryRow:
    """Raises GalleryFileDamaged."""
    settings = GallerySettings(
        target_fpir=line.target_fpir,
        min_speech_seconds=line.min_speech_seconds,
        enroll_speech_seconds=line.enroll_speech_seconds,
        keep_audio=line.keep_audio,
        combining=line.combining,
        keep_unknown_voices=line.keep_unknown_voices,
    )
    with _checked("the gallery"):
        row = galleries.hidden(engine, db, name, settings)
    try:
        row.calibration = None if line.calibration is None else StoredCalibration.from_row(line.calibration).to_row()
    except (KeyError, TypeError, ValueError):
        raise GalleryFileDamaged("the gallery's calibration is none") from None
    db.flush()
    return row


def _by_speaker(part: GalleryPart) -> dict[str, range]:
    """Which utterances each has. Raises GalleryFileDamaged where those of one are not together."""
    found, nth = dict[str, range](), 0
    for speaker, lines in groupby(part.utterances, lambda one: one.speaker):
        count = sum(1 for _ in lines)
        if speaker in found:
            raise GalleryFileDamaged("its utterances are not together by speaker")
        found[speaker] = range(nth, nth + count)
        nth += count
    if not found.keys() <= {one.id for one in part.speakers}:
        raise GalleryFileDamaged("it has utterances of no speaker")
    return found


@contextmanager
def _checked(what: str) -> Iterator[None]:
    """What no caller could have sent is no export's."""
    try:
        yield
    except InvalidRequest as error:
        raise GalleryFileDamaged(f"{what}: {error}") from None


def _utc(time: datetime) -> datetime:
    """SQLite keeps no zone. Raises GalleryFileDamaged."""
    if time.year not in YEARS:
        raise GalleryFileDamaged(f"it has the year {time.year}")
    return time.astimezone(UTC)
