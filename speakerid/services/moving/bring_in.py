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
from speakerid.index.faiss import EXACT_UP_TO
from speakerid.scoring.cosine import shares, voiceprints
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
    where the file is of none that is served here and carries all audio. Raises GalleryFileError, GalleryTaken,
    FileMissing, InvalidRequest for a `name` that cannot be one.
    """
    with opened(file) as found:
        manifest = found.manifest
        called = validation.gallery_name(manifest.gallery.name if name is None else name)
        fits = next((one for one in ((engine,) if reembed else engine.each) if _fits(one, manifest)), None)
        if fits is None and not (reembed and manifest.audio == manifest.utterances):
            made_with = label_of(manifest.encoder.name, manifest.encoder.fingerprint)
            raise GalleryFileOtherEncoder(made_with, engine.encoder_label, audio=manifest.audio == manifest.utterances)
        with engine.read() as db:
            _require_room(db, called)
        found.check()  # before any writer has to wait
        clear_leftovers(engine)
        with nullcontext(found.parts()) if fits else reembedded(engine, found) as parts:
            return _made(engine, fits or engine, called, manifest, parts)


def clear_leftovers(engine: Engine) -> None:
    """Erase what imports left behind whose process ended in the middle."""
    with engine.read() as db:
        found = moving.hidden(db)
    for row in found:
        if is_gone(row.name.removeprefix(rows.HIDDEN).rpartition("/")[0]) or row.created_at < now() - NO_LONGER:
            _erase(engine, row.key)


def _made(
    engine: Engine, serving: Engine, called: str, manifest: Manifest, parts: Iterator[GalleryPart]
) -> GalleryImport:
    with asking(None), engine.write() as db:  # the access log has it once, when it is there
        gallery = _gallery(serving, db, f"{rows.HIDDEN}{this_process()}/{next(_NTH)}", manifest.gallery)
    try:
        making = _Import(engine, gallery, manifest)
        making.run(parts)
        with engine.write() as db:
            made = making.show(db, called)
    except BaseException:
        _erase(engine, gallery.key)
        raise
    if manifest.speakers > EXACT_UP_TO:
        serving.indexes.load_soon(gallery.key)
    return made


def _erase(engine: Engine, key: int) -> None:
    """The files of the store are gone through once, in the end: until then the gallery is there for whoever goes on."""
    left = True
    while left:
        with asking(None), engine.write() as db:
            left = moving.drop_speakers(db, key, ERASED_AT_ONCE)
    with asking(None), engine.write(erase=True) as db:
        moving.drop_hidden(db, key)


class _Import:
    def __init__(self, engine: Engine, gallery: GalleryRow, manifest: Manifest) -> None:
        self._engine, self._gallery, self._manifest = engine, gallery, manifest
        self._speaker_ids, self._utterance_ids = dict[str, str](), dict[str, str]()

    def run(self, parts: Iterator[GalleryPart]) -> None:
        """What is written is made before its transaction begins, so that others wait for the writing alone."""
        speakers = utterances = audio = 0
        for part in parts:
            keys = self._speakers(part)
            for made in self._utterances(part, keys):
                with self._writing() as db:
                    self._give_ids(db, UtteranceRow, "utt", made, self._utterance_ids)
                    moving.add_utterances(db, made)
            speakers += len(part.speakers)
            utterances += len(part.utterances)
            audio += sum(one.audio_bytes is not None for one in part.utterances)
        if (speakers, utterances, audio) != (self._manifest.speakers, self._manifest.utterances, self._manifest.audio):
            raise GalleryFileDamaged("it holds more or less than its manifest.json says")

    @contextmanager
    def _writing(self) -> Iterator[Handle]:
        with asking(None), self._engine.write() as db:
            yield db

    def show(self, db: Handle, name: str) -> GalleryImport:
        """From now on it is there. Raises GalleryTaken."""
        if (bare := _require_room(db, name)) is not None:
            moving.replace(db, bare)
        moving.rename(db, self._gallery.key, name)
        made = serializers.gallery(self._engine, db, rows.get(db, name))
        counts = self._manifest.utterances, self._manifest.audio
        return GalleryImport(made, *counts, self._speaker_ids, self._utterance_ids)

    def _speakers(self, part: GalleryPart) -> dict[str, int]:
        """Their keys, by their ids in the file."""
        voices = self._voiceprints(part)
        made = [self._speaker(one, voices.get(one.id)) for one in part.speakers]
        tags = [_tags(one) for one in part.speakers]
        with self._writing() as db:
            self._give_ids(db, SpeakerRow, "spk", made, self._speaker_ids)
            keys = moving.add_speakers(db, made)
            moving.add_tags(
                db,
                [
                    {"gallery_key": self._gallery.key, "speaker_key": key, "tag": tag}
                    for key, those in zip(keys, tags, strict=True)
                    for tag in those
                ],
            )
        return {one.id: key for one, key in zip(part.speakers, keys, strict=True)}

    def _utterances(self, part: GalleryPart, speaker_keys: dict[str, int]) -> Iterator[list[dict[str, Any]]]:
        """As many at a time as memory should hold with their audio."""
        made, size = list[dict[str, Any]](), 0
        for line, embedding in zip(part.utterances, part.embeddings, strict=True):
            kept = {
                "fingerprint": part.fingerprints.next(line.fingerprint_bytes),
                "audio": part.audio.next(line.audio_bytes),
            }
            made.append(self._utterance(line, speaker_keys[line.speaker], embedding) | kept)
            size += line.audio_bytes or 0
            if size >= AUDIO_AT_ONCE_BYTES:
                yield made
                made, size = [], 0
        yield made

    def _give_ids(
        self,
        db: Handle,
        kind: type[SpeakerRow] | type[UtteranceRow],
        prefix: str,
        made: Sequence[dict[str, Any]],
        changed: dict[str, str],
    ) -> None:
        """New ones where others have them; in the same order. Raises GalleryFileDamaged for one that is there twice."""
        ids = [row["id"] for row in made]
        taken = sorted(moving.ids_elsewhere(db, kind, self._gallery.key, ids))
        new = dict(zip(taken, sorted(new_id(prefix) for _ in taken), strict=True))
        if len(set(ids)) != len(ids) or not changed.keys().isdisjoint(ids):
            raise GalleryFileDamaged(moving.TWICE)
        changed.update(new)
        for row in made if new else ():
            row["id"] = new.get(row["id"], row["id"])

    def _voiceprints(self, part: GalleryPart) -> dict[str, FloatArray]:
        """By speaker id, of those with utterances, as an enrollment makes them. Raises GalleryFileDamaged."""
        counts = _counts(part)
        seconds = np.array([one.speech_seconds for one in part.utterances])
        try:
            weights = shares(self._manifest.gallery.combining, seconds)
            return dict(zip(counts, voiceprints(part.embeddings, list(counts.values()), weights), strict=True))
        except ValueError as error:
            raise GalleryFileDamaged(f"no voiceprint can be made: {error}") from None

    def _speaker(self, line: SpeakerLine, voice: FloatArray | None) -> dict[str, Any]:
        with _checked(line.id):
            return {
                "id": line.id,
                "gallery_key": self._gallery.key,
                "name": validation.name(line.name),
                "external_id": None if line.external_id is None else validation.name(line.external_id, "external_id"),
                "metadata": validation.details(line.metadata, "metadata"),
                "consent": validation.consent(line.consent),
                "opted_out_at": None if line.opted_out_at is None else _utc(line.opted_out_at),
                "voiceprint": voice,
                "created_at": _utc(line.created_at),
            }

    def _utterance(self, line: UtteranceLine, speaker_key: int, embedding: FloatArray) -> dict[str, Any]:
        return {
            "id": line.id,
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


def _tags(line: SpeakerLine) -> tuple[str, ...]:
    """Raises GalleryFileDamaged."""
    with _checked(line.id):
        return validation.tags(line.tags)


def _counts(part: GalleryPart) -> dict[str, int]:
    """How many utterances each speaker has who has any, in their order. Raises GalleryFileDamaged where those of one
    are not together."""
    found = dict[str, int]()
    for speaker, lines in groupby(part.utterances, lambda one: one.speaker):
        if speaker in found:
            raise GalleryFileDamaged("its utterances are not together by speaker")
        found[speaker] = sum(1 for _ in lines)
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
