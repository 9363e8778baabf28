"""SpeakerID: every verb of speakerid as a method, over a local or PostgreSQL store, inside one gallery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from speakerid.audio.byte_source import ByteSource, mapped_file
from speakerid.audio.decode import Samples
from speakerid.audio.files import read_file
from speakerid.audio.limits import RECORDING, Channel
from speakerid.audio.wav import wav_bytes
from speakerid.bootstrap import build_engine
from speakerid.db.models import GalleryRow
from speakerid.db.repositories.repairs import LAST
from speakerid.errors import InvalidRequest
from speakerid.services import (
    audit,
    calibrate,
    coach,
    enroll,
    galleries,
    history,
    identify,
    merge,
    move,
    recording,
    speakers,
    undo,
    validation,
    verify,
)
from speakerid.services.engine import Engine
from speakerid.services.live.listen import DEFAULTS as LIVE
from speakerid.services.live.listen import LiveOptions, listen
from speakerid.services.recording import RecordingOptions, Watch, unwatched
from speakerid.services.recordings import run_now
from speakerid.services.speaker_count import SpeakerCount
from speakerid.services.speakers import SpeakerFields
from speakerid.services.unknowns import dismiss, page, promote, show
from speakerid.settings import Settings
from speakerid.types import (
    Audit,
    CalibrationReport,
    Change,
    Enrollment,
    Gallery,
    Identification,
    Promotion,
    Repair,
    Speaker,
    UnknownVoice,
    UnknownVoiceDetails,
    Verification,
)
from speakerid.types.live import Event
from speakerid.types.recordings import Recording, Sides

Audio = str | Path | bytes | Samples  # a path, the bytes of a file, or (samples, rate in Hz)


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
    ) -> Enrollment:
        """Enroll recordings of one speaker, by name or id; a new name makes a new speaker. All of them or none.

        `accept`: codes of refusals to override. `channel`: "mix", or one side of a call, counted from 0. Returns what
        the last one did. Raises AudioError, EnrollmentRefused, UtteranceElsewhere, EncoderMismatch.
        """
        if not audio:
            raise InvalidRequest("No recording was given. Give at least one file of this speaker.")
        accepted, gallery = validation.accepted(accept), self._row()
        voices = [coach.hear(self.engine, gallery, *_picked(one, channel)) for one in audio]
        with self.engine.write() as db:
            speaker_id = speakers.find_or_create(db, gallery, speaker).id
            return [enroll.enroll(self.engine, db, gallery.name, speaker_id, voice, accepted) for voice in voices][-1]

    def identify(self, audio: Audio, *, top_k: int = 5, channel: Channel = "mix") -> Identification:
        """Who speaks, in all channels or in one of them? Raises AudioError, EncoderMismatch."""
        data, channel = _picked(audio, channel)
        return identify.identify(self.engine, self._row(), data, top_k=top_k, channel=channel)

    def verify(self, speaker: str, audio: Audio, *, channel: Channel = "mix") -> Verification:
        """Is it this speaker, by name or id? Raises SpeakerNotFound, NoVoiceprint, AudioError."""
        data, channel = _picked(audio, channel)
        gallery = self._row()
        with self.engine.read() as db:
            speaker_id = speakers.by_name_or_id(db, gallery, speaker).id
        return verify.verify(self.engine, gallery, speaker_id, data, channel=channel)

    def speakers(self) -> list[Speaker]:
        """Every speaker of the gallery, oldest first."""
        gallery, found, cursor = self._row(), list[Speaker](), None
        with self.engine.read() as db:
            while True:
                page = speakers.page(db, gallery, cursor=cursor, limit=speakers.PAGE_LIMIT)
                found.extend(page.items)
                if (cursor := page.next_cursor) is None:
                    return found

    def delete(self, speaker: str) -> None:
        """Erase a speaker, by name or id, with everything known of the voice. Raises SpeakerNotFound."""
        gallery = self._row()
        with self.engine.write(erase=True) as db:
            speakers.delete(db, gallery, speakers.by_name_or_id(db, gallery, speaker).id)

    def delete_utterance(self, speaker: str, utterance: str) -> Speaker:
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
        candidates: Sequence[str] | None = None,
        channel: Sides = "mix",
        watch: Watch = unwatched,
    ) -> Recording:
        """Who speaks when? Only `candidates`, by name or id, are named; `speakers` speak, where that is known.

        `channel`: "mix", "split" for one side of a call a channel, or one channel. `watch(done, total)` is called as
        it goes, with seconds of work. A gallery that keeps unknown voices keeps the answer too, but not the audio.
        Raises AudioError, InvalidRequest, SpeakerNotFound, EncoderMismatch.
        """
        count = SpeakerCount(speakers, min_speakers, max_speakers)
        options = RecordingOptions(count, None if candidates is None else tuple(candidates), channel)
        gallery = self._row()
        with _encoded(audio) as data:
            through = run_now.recording if gallery.keep_unknown_voices else recording.recording
            return through(self.engine, gallery, data, options, watch)

    def listen(self, messages: Iterable[bytes], options: LiveOptions = LIVE) -> Iterator[Event]:
        """Who speaks, while it is said? `messages` are awaited one by one; nothing is stored.

        Raises AudioError, SpeakerNotFound, EncoderMismatch, and whatever `messages` raises.
        """
        return listen(self.engine, self.gallery, messages, options)

    def audit(self) -> Audit:
        """What is wrong in the gallery, and what would repair it. Raises EncoderMismatch."""
        return audit.whole(self.engine, self._row())

    def merge(self, speaker: str, into: str) -> Repair:
        """Make two speakers, by name or id, one: `into`. Raises SpeakerNotFound, InvalidRequest."""
        gallery = self._row()
        with self.engine.write() as db:
            ids = [speakers.by_name_or_id(db, gallery, one).id for one in (speaker, into)]
            return merge.merge(db, gallery, *ids)

    def move(self, speaker: str, utterance: str, to: str) -> Repair:
        """Give an utterance to another speaker. Raises SpeakerNotFound, UtteranceNotFound, InvalidRequest."""
        gallery = self._row()
        with self.engine.write() as db:
            from_id, to_id = (speakers.by_name_or_id(db, gallery, one).id for one in (speaker, to))
            return move.move(db, gallery, from_id, utterance, to_id)

    def history(self) -> list[Change]:
        """Every merge and move of the gallery, newest first."""
        gallery, found, cursor = self._row(), list[Change](), None
        with self.engine.read() as db:
            while True:
                page = history.page(db, gallery, cursor=cursor, limit=history.PAGE_LIMIT)
                found.extend(page.items)
                if (cursor := page.next_cursor) is None:
                    return found

    def undo(self, change: str = LAST) -> Repair:
        """Take back a change, by id, or the last one. Raises ChangeNotFound, UndoImpossible, ExternalIdTaken."""
        gallery = self._row()
        with self.engine.write() as db:
            return undo.undo(db, gallery, change)

    def unknowns(self, *, min_recordings: int = 1) -> list[UnknownVoice]:
        """Every kept voice that is nobody enrolled, oldest first; 2: only those that were heard again."""
        gallery, found, cursor = self._row(), list[UnknownVoice](), None
        with self.engine.read() as db:
            while True:
                some = page.page(db, gallery, cursor=cursor, limit=page.PAGE_LIMIT, min_recordings=min_recordings)
                found.extend(some.items)
                if (cursor := some.next_cursor) is None:
                    return found

    def unknown(self, unknown: str) -> UnknownVoiceDetails:
        """One kept voice, by id, and where it was heard. Raises UnknownVoiceNotFound."""
        gallery = self._row()
        with self.engine.read() as db:
            return show.show(db, gallery, unknown)

    def promote(self, unknown: str, speaker: str, *, accept: str | Iterable[str] = (), **said: Any) -> Promotion:
        """Enroll a kept voice from where it was heard, for a speaker by name or id; a new name makes a new speaker.

        `said` of a new one: external_id, metadata, consent. Past recordings name the speaker from then on. Raises
        UnknownVoiceNotFound, SpeakerNotFound, EnrollmentRefused, UtteranceElsewhere, EncoderMismatch, ExternalIdTaken.
        """
        gallery, accepted = self._row(), validation.accepted(accept)
        near = promote.look_up(self.engine, gallery, unknown)
        with self.engine.write() as db:
            into = promote.by_name_or_id(db, gallery, speaker, SpeakerFields(name=speaker, **said))
            return promote.promote(self.engine, db, gallery.name, unknown, into, near, accepted)

    def dismiss(self, unknown: str) -> None:
        """Forget a kept voice. Nothing is left to know it by: it may be heard anew. Raises UnknownVoiceNotFound."""
        gallery = self._row()
        with self.engine.write(erase=True) as db:
            dismiss.dismiss(db, gallery, unknown)

    def calibrate(self, *, dry_run: bool = False) -> CalibrationReport:
        """Fit a calibration on the gallery's own utterances, and use it from now on; `dry_run` only looks.

        Raises TooFewTrials, ClassesOverlap, EncoderMismatch.
        """
        made = calibrate.fit(self.engine, self._row())
        if dry_run:
            return made.report
        with self.engine.write() as db:
            return calibrate.keep(db, self.gallery, made)

    def reset_calibration(self) -> Gallery:
        """Go back to the encoder's default calibration."""
        with self.engine.write() as db:
            return calibrate.reset(self.engine, db, self.gallery)

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


def as_bytes(audio: Audio) -> bytes:
    """Raises FileMissing, FileTooLarge, AudioError."""
    if isinstance(audio, bytes):
        return audio
    return wav_bytes(audio) if isinstance(audio, tuple) else read_file(audio)


def _picked(audio: Audio, channel: Channel) -> tuple[bytes, Channel]:
    """The bytes of a file and which of its channels is meant. Raises FileMissing, FileTooLarge, AudioError."""
    if isinstance(audio, tuple):
        return wav_bytes(audio, channel=channel), "mix"
    return as_bytes(audio), channel


def _encoded(audio: Audio) -> AbstractContextManager[ByteSource]:
    """Of a recording of any length. Raises FileMissing, FileTooLarge, AudioError."""
    if isinstance(audio, bytes):
        return nullcontext(audio)
    return nullcontext(wav_bytes(audio, RECORDING)) if isinstance(audio, tuple) else mapped_file(audio)
