"""SpeakerID: every verb of speakerid as a method, over a local or PostgreSQL store, inside one gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from speakerid import types
from speakerid.audio.byte_source import ByteSource, mapped_file
from speakerid.audio.decode import Samples, as_wav
from speakerid.audio.files import read_file
from speakerid.audio.limits import RECORDING, SAMPLE_RATE_HZ, Channel
from speakerid.audio.stream_decoder import Encoding, StreamFormat
from speakerid.bootstrap import build_engine
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories.repairs import LAST
from speakerid.db.repositories.speakers import SpeakerFilter
from speakerid.errors import InvalidRequest
from speakerid.services import (
    audit,
    calibrate,
    coach,
    enroll,
    galleries,
    identify,
    recording,
    repair,
    serializers,
    speakers,
    validation,
    verify,
)
from speakerid.services.diarize import SpeakerCount
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.live.listen import LiveOptions, listen
from speakerid.services.probe import embed
from speakerid.services.recording import RecordingOptions, Watch, unwatched
from speakerid.services.recordings import worker
from speakerid.services.speakers import SpeakerFields
from speakerid.services.unknowns import inbox, promote
from speakerid.settings import Settings

Audio = str | Path | bytes | Samples  # a path, the bytes of a file, or (samples, rate in Hz)
Item = TypeVar("Item")


class SpeakerID:
    """Safe to share between threads. Close it, or use it in a `with` block."""

    def __init__(self, engine: Engine, gallery: str = galleries.DEFAULT) -> None:
        self.engine = engine
        self.gallery = gallery

    @classmethod
    def open(cls, store: str | Path = "voices.db", *, encoder: str = "default", gallery: str = "default") -> Self:
        """`store`: a path (SQLite, created when missing) or a postgresql:// URL. Raises StoreError, EncoderError."""
        engine = build_engine(Settings(store=str(store), encoder=encoder))
        return cls(engine, gallery)

    def enroll(
        self, speaker: str, *audio: Audio, accept: str | Iterable[str] = (), channel: Channel = "mix"
    ) -> types.Enrollment:
        """Enroll recordings of one speaker, by name or id; a new name makes a new speaker. All of them or none.

        `accept`: codes of refusals to override. `channel`: "mix", or one side of a call, counted from 0. Returns what
        the last one did. Raises AudioError, EnrollmentRefused, UtteranceElsewhere, EncoderMismatch.
        """
        if not audio:
            raise InvalidRequest("No recording was given. Give at least one file of this speaker.")
        accepted, gallery = validation.accepted(accept), self._row()
        probes = [coach.prepare(self.engine, gallery, *_picked(one, channel)) for one in audio]
        with self.engine.write() as db:
            speaker_id = speakers.find_or_create(db, gallery, speaker).id
            return [enroll.enroll(self.engine, db, gallery.name, speaker_id, probe, accepted) for probe in probes][-1]

    def identify(self, audio: Audio, *, top_k: int = 5, channel: Channel = "mix") -> types.Identification:
        """Who speaks, in all channels or in one of them? Raises AudioError, EncoderMismatch."""
        data, channel = _picked(audio, channel)
        return identify.identify(self.engine, self._row(), data, top_k=top_k, channel=channel)

    def verify(self, speaker: str, audio: Audio, *, channel: Channel = "mix") -> types.Verification:
        """Is it this speaker, by name or id? Raises SpeakerNotFound, NoVoiceprint, AudioError."""
        data, channel = _picked(audio, channel)
        gallery = self._row()
        with self.engine.read() as db:
            speaker_id = speakers.by_name_or_id(db, gallery, speaker).id
        return verify.verify(self.engine, gallery, speaker_id, data, channel=channel)

    def speakers(self, *, name: str | None = None, external_id: str | None = None) -> list[types.Speaker]:
        """Every speaker, oldest first; only those with exactly this name or external id where given."""
        gallery, only = self._row(), SpeakerFilter(name, external_id)
        return self._pages(
            lambda db, cursor: speakers.page(db, gallery, cursor=cursor, limit=speakers.PAGE_LIMIT, only=only)
        )

    def speaker(self, speaker: str) -> types.Speaker:
        """One speaker, by name or id. Raises SpeakerNotFound."""
        gallery = self._row()
        with self.engine.read() as db:
            return speakers.get(db, gallery, speakers.by_name_or_id(db, gallery, speaker).id)

    def create_speaker(self, name: str, **fields: Any) -> types.Speaker:
        """`fields`: external_id, metadata, consent. Raises InvalidRequest, ExternalIdTaken."""
        gallery = self._row()
        with self.engine.write() as db:
            return speakers.create(db, gallery, SpeakerFields(name=name, **fields))

    def change_speaker(self, speaker: str, **fields: Any) -> types.Speaker:
        """`fields`: name, external_id, metadata, consent. Raises SpeakerNotFound, InvalidRequest, ExternalIdTaken."""
        gallery = self._row()
        with self.engine.write() as db:
            speaker_id = speakers.by_name_or_id(db, gallery, speaker).id
            return speakers.update(db, gallery, speaker_id, SpeakerFields(**fields))

    def delete(self, speaker: str) -> None:
        """Erase a speaker, by name or id, with everything known of their voice. Raises SpeakerNotFound."""
        gallery = self._row()
        with self.engine.write(erase=True) as db:
            speakers.delete(db, gallery, speakers.by_name_or_id(db, gallery, speaker).id)

    def delete_utterance(self, speaker: str, utterance: str) -> types.Speaker:
        """Erase one utterance; the voiceprint is recomputed. Raises SpeakerNotFound, UtteranceNotFound."""
        gallery = self._row()
        with self.engine.write(erase=True) as db:
            speaker_id = speakers.by_name_or_id(db, gallery, speaker).id
            return speakers.delete_utterance(db, gallery, speaker_id, utterance)

    def recording(
        self,
        audio: Audio,
        *,
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        candidates: Iterable[str] | None = None,
        channel: types.Sides = "mix",
        watch: Watch = unwatched,
    ) -> types.Recording:
        """Who speaks when? Only `candidates`, by name or id, are named; `speakers` speak, where that is known.

        `channel`: "mix", "split" for one side of a call a channel, or one channel. `watch(done, total)` is called as
        it goes, with seconds of work. A gallery that keeps unknown voices keeps the answer too, but not the audio.
        Raises AudioError, InvalidRequest, SpeakerNotFound, EncoderMismatch.
        """
        count = SpeakerCount(speakers, min_speakers, max_speakers)
        options = RecordingOptions(count, None if candidates is None else tuple(candidates), channel)
        gallery = self._row()
        with _encoded(audio) as data:
            through = worker.run_now if gallery.keep_unknown_voices else recording.recording
            return through(self.engine, gallery, data, options, watch)

    def listen(
        self,
        messages: Iterable[bytes],
        *,
        encoding: Encoding = "pcm_s16le",
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        channels: int = 1,
        candidates: Iterable[str] | None = None,
    ) -> Iterator[types.Event]:
        """Who speaks right now? Events of a live stream, until `StreamDone` after the last message; nothing is stored.

        `messages` are samples (`pcm_s16le`), an Opus packet each (`opus`), or bytes of one growing file (`webm`,
        `ogg`); they are awaited one by one. Raises AudioError, SpeakerNotFound, EncoderMismatch, and whatever
        `messages` raises.
        """
        incoming = StreamFormat(encoding, sample_rate_hz, channels)
        options = LiveOptions(incoming, None if candidates is None else tuple(candidates))
        return listen(self.engine, self.gallery, messages, options)

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

    def history(self) -> list[types.Change]:
        """Every merge and move of the gallery, newest first."""
        gallery = self._row()
        return self._pages(lambda db, cursor: repair.history(db, gallery, cursor=cursor, limit=repair.PAGE_LIMIT))

    def undo(self, change: str = LAST) -> types.Repair:
        """Take back a change, by id, or the last one. Raises ChangeNotFound, UndoImpossible, ExternalIdTaken."""
        gallery = self._row()
        with self.engine.write() as db:
            return repair.undo(db, gallery, change)

    def unknowns(self, *, min_recordings: int = 1) -> list[types.UnknownVoice]:
        """Every kept unknown voice, oldest first; 2: only those of two recordings or more."""
        gallery, limit = self._row(), inbox.PAGE_LIMIT
        return self._pages(
            lambda db, cursor: inbox.page(db, gallery, cursor=cursor, limit=limit, min_recordings=min_recordings)
        )

    def unknown(self, unknown: str) -> types.UnknownVoiceDetails:
        """One kept unknown voice, by id, and the recordings it speaks in. Raises UnknownVoiceNotFound."""
        gallery = self._row()
        with self.engine.read() as db:
            return inbox.show(db, gallery, unknown)

    def promote(
        self, unknown: str, speaker: str, *, accept: str | Iterable[str] = (), **fields: Any
    ) -> types.Promotion:
        """Enroll a kept unknown voice from its recordings, for a speaker by name or id; a new name makes a new speaker.

        `fields` of a new one: external_id, metadata, consent. Past recordings name the speaker from then on. Raises
        UnknownVoiceNotFound, SpeakerNotFound, EnrollmentRefused, UtteranceElsewhere, EncoderMismatch, ExternalIdTaken.
        """
        gallery, accepted = self._row(), validation.accepted(accept)
        near = promote.look_up(self.engine, gallery, unknown)
        with self.engine.write() as db:
            into = promote.by_name_or_id(db, gallery, speaker, SpeakerFields(name=speaker, **fields))
            return promote.promote(self.engine, db, gallery.name, unknown, into, near, accepted)

    def dismiss(self, unknown: str) -> None:
        """Forget a kept unknown voice. Nothing is left to recognize it by: in a later recording it is a new one.

        Raises UnknownVoiceNotFound.
        """
        gallery = self._row()
        with self.engine.write(erase=True) as db:
            inbox.dismiss(db, gallery, unknown)

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

    def embedding(self, audio: Audio, *, channel: Channel = "mix") -> types.Embedding:
        """The L2-normalized embedding of the speech in a recording. Nothing is compared, nothing is kept.

        Raises AudioError, NotEnoughSpeech.
        """
        data, channel = _picked(audio, channel)
        return embed(self.engine, data, channel)

    def close(self) -> None:
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _row(self) -> GalleryRow:
        return galleries.get(self.engine, self.gallery)

    def _pages(self, page: Callable[[Handle, str | None], types.Page[Item]]) -> list[Item]:
        """All items, page after page: `page` gives one, from a cursor on."""
        found, cursor = list[Item](), None
        with self.engine.read() as db:
            while True:
                some = page(db, cursor)
                found.extend(some.items)
                if (cursor := some.next_cursor) is None:
                    return found


def as_bytes(audio: Audio) -> bytes:
    """Raises FileMissing, FileTooLarge, AudioError."""
    if isinstance(audio, bytes):
        return audio
    return as_wav(audio) if isinstance(audio, tuple) else read_file(audio)


def _picked(audio: Audio, channel: Channel) -> tuple[bytes, Channel]:
    """The bytes of a file and which of its channels is meant. Raises FileMissing, FileTooLarge, AudioError."""
    if isinstance(audio, tuple):
        return as_wav(audio, channel=channel), "mix"
    return as_bytes(audio), channel


def _encoded(audio: Audio) -> AbstractContextManager[ByteSource]:
    """Of a recording of any length. Raises FileMissing, FileTooLarge, AudioError."""
    if isinstance(audio, bytes):
        return nullcontext(audio)
    return nullcontext(as_wav(audio, RECORDING)) if isinstance(audio, tuple) else mapped_file(audio)
