"""Write a gallery's file, part by part, of one moment of the store; memory holds one part at most."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, BinaryIO

import numpy as np

import speakerid
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import galleries, moving, speakers, voiceprints
from speakerid.db.types import is_damaged, is_sound, now
from speakerid.errors import GalleryFileError
from speakerid.services.engine import Engine
from speakerid.services.moving.gallery_file import (
    FORMAT,
    MANIFEST,
    MANIFEST_OF,
    MOST_LEFT_OUT,
    MOST_ROWS,
    PART_AUDIO_BYTES,
    PART_ROWS,
    SPEAKER,
    UTTERANCE,
    VERSION,
    EncoderLine,
    GalleryLine,
    Manifest,
    MemberLine,
    PartLine,
    SpeakerLine,
    UtteranceLine,
)
from speakerid.types import FloatArray, GalleryExport

SPEAKERS_AT_ONCE = 500
FAST = 1  # of zlib's levels: half the time of the export, 2 % larger


@dataclass
class _Part:
    """What is collected until it is enough for a part."""

    speakers: list[bytes] = field(default_factory=list)
    utterances: list[bytes] = field(default_factory=list)
    embeddings: list[FloatArray] = field(default_factory=list)
    fingerprints: list[bytes] = field(default_factory=list)
    audio: list[int] = field(default_factory=list)  # keys of utterances
    audio_bytes: int = 0

    @property
    def is_full(self) -> bool:
        rows = max(len(self.speakers), len(self.utterances))
        return rows >= PART_ROWS or self.audio_bytes >= PART_AUDIO_BYTES


class GalleryWriter:
    """Writes to `out`, which need not be seekable. `steps` does the work; a step ends where memory can be let go."""

    def __init__(self, out: BinaryIO | io.RawIOBase, db: Handle, gallery: GalleryRow, *, audio: bool) -> None:
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=FAST)
        self._at = now()
        self._db, self._gallery, self._audio = db, gallery, audio
        self._part = _Part()
        self._parts = list[PartLine]()
        self._left_out = list[str]()
        self._dim: int | None = None

    def steps(self) -> Iterator[None]:
        """Raises GalleryFileError."""
        for rows in moving.speakers(self._db, self._gallery.key, SPEAKERS_AT_ONCE):
            yield from self._speakers(rows)
        if self._part.speakers:
            yield from self._flush()
        with self._member(MANIFEST, []) as out:
            out.write(MANIFEST_OF.dump_json(self.manifest(), indent=1))
        self._zip.close()
        yield

    def manifest(self) -> Manifest:
        gallery = self._gallery
        return Manifest(
            format=FORMAT,
            version=VERSION,
            written_by=f"speakerid {speakerid.__version__}",
            written_at=self._at,
            gallery=GalleryLine(
                name=gallery.name,
                target_fpir=gallery.target_fpir,
                min_speech_seconds=gallery.min_speech_s,
                enroll_speech_seconds=gallery.enroll_speech_s,
                keep_audio=gallery.keep_audio,
                combining=gallery.combining,
                keep_unknown_voices=gallery.keep_unknown_voices,
                calibration=None if is_damaged(gallery.calibration) else gallery.calibration,
            ),
            encoder=EncoderLine(gallery.encoder_name, gallery.encoder_fingerprint, self._dim),
            speakers=sum(one.speakers for one in self._parts),
            utterances=sum(one.utterances for one in self._parts),
            audio=sum(one.audio for one in self._parts),
            left_out=self._left_out[:MOST_LEFT_OUT],
            parts=self._parts,
        )

    def _speakers(self, rows: list[SpeakerRow]) -> Iterator[None]:
        found = moving.utterances(self._db, self._gallery.key, [row.key for row in rows])
        waiting = next(found, None)
        for speaker in rows:
            if self._part.is_full:
                yield from self._flush()
            sound = not voiceprints.is_unreadable(speaker)
            if sound:
                self._part.speakers.append(_speaker_line(speaker))
            else:
                self._left_out.append(speaker.id)
            while waiting is not None and waiting[0].speaker_key == speaker.key:
                if sound:
                    self._utterance(speaker, *waiting)
                waiting = next(found, None)

    def _utterance(self, speaker: SpeakerRow, row: UtteranceRow, audio_bytes: int | None) -> None:
        of_gallery = row.encoder_fingerprint == self._gallery.encoder_fingerprint
        if not of_gallery or not is_sound(row.embedding, self._dim) or is_damaged(row.accepted):
            self._left_out.append(row.id)
            return
        if len(self._part.utterances) == MOST_ROWS:
            raise GalleryFileError(
                f"Speaker {speaker.id} has more than {MOST_ROWS} utterances, which no gallery's file can hold. Delete "
                "those that are not needed."
            )
        self._dim = len(row.embedding)
        carried = audio_bytes if self._audio and audio_bytes else None
        self._part.utterances.append(_utterance_line(speaker.id, row, carried))
        self._part.embeddings.append(row.embedding)
        if row.fingerprint:
            self._part.fingerprints.append(row.fingerprint)
        if carried is not None:
            self._part.audio.append(row.key)
            self._part.audio_bytes += carried

    def _flush(self) -> Iterator[None]:
        part, self._part = self._part, _Part()
        nth, files = len(self._parts), list[MemberLine]()
        with self._member(f"speakers-{nth:05}.jsonl", files) as out:
            out.writelines(part.speakers)
        if part.utterances:
            with self._member(f"utterances-{nth:05}.jsonl", files) as out:
                out.writelines(part.utterances)
            with self._member(f"embeddings-{nth:05}.npz", files, packed=False) as out:
                out.write(_npz(part.embeddings))
        if part.fingerprints:
            with self._member(f"fingerprints-{nth:05}.bin", files, packed=False) as out:
                out.writelines(part.fingerprints)
        yield
        if part.audio:
            with self._member(f"audio-{nth:05}.bin", files, packed=False) as out:
                for key in part.audio:
                    out.write(moving.audio(self._db, self._gallery.key, key))
                    yield
        self._parts.append(PartLine(len(part.speakers), len(part.utterances), len(part.audio), files))

    @contextmanager
    def _member(self, name: str, files: list[MemberLine], *, packed: bool = True) -> Iterator[_Hashed]:
        # A ZipInfo that says nothing of its own is stored as it is, a name packed as the zip says.
        with self._zip.open(name if packed else zipfile.ZipInfo(name), "w", force_zip64=True) as raw:
            made = _Hashed(raw)
            yield made
        if name != MANIFEST:
            files.append(MemberLine(name, made.size, made.digest.hexdigest()))


class _Hashed:
    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.size, self.digest = 0, hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._raw.write(data)
        self.size += len(data)
        self.digest.update(data)

    def writelines(self, lines: list[bytes]) -> None:
        for line in lines:
            self.write(line)


def written(
    engine: Engine, gallery: str, out: BinaryIO | io.RawIOBase, *, audio: bool
) -> Iterator[GalleryExport | None]:
    """Write the file in steps, of the gallery as it is when this begins. What it holds comes last, None before.

    Raises GalleryNotFound, GalleryFileError.
    """
    with engine.read() as db:
        moving.hold_still(db)
        writer = GalleryWriter(out, db, galleries.get(db, gallery), audio=audio)
        yield from writer.steps()
        yield writer.manifest().summary()


def _speaker_line(row: SpeakerRow) -> bytes:
    line = SpeakerLine(
        id=row.id,
        name=row.name,
        external_id=row.external_id,
        metadata=row.details,
        consent=row.consent,
        opted_out_at=row.opted_out_at,
        created_at=row.created_at,
        tags=list(speakers.tags(row)),
    )
    return SPEAKER.dump_json(line) + b"\n"


def _utterance_line(speaker_id: str, row: UtteranceRow, audio_bytes: int | None) -> bytes:
    line = UtteranceLine(
        id=row.id,
        speaker=speaker_id,
        sha256=row.sha256,
        speech_seconds=row.speech_s,
        snr_db=row.snr_db,
        clipping_ratio=row.clipping_ratio,
        bandwidth_hz=row.bandwidth_hz,
        voices=row.voices,
        accepted=row.accepted,  # type: ignore[arg-type]  # what the coach wrote
        fingerprint_bytes=len(row.fingerprint) if row.fingerprint else None,
        audio_bytes=audio_bytes,
        created_at=row.created_at,
    )
    return UTTERANCE.dump_json(line) + b"\n"


def _npz(embeddings: list[FloatArray]) -> bytes:
    out = io.BytesIO()
    np.savez(out, embedding=np.stack(embeddings).astype("<f4"))
    return out.getvalue()
