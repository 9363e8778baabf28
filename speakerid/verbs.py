"""SpeakerID: every verb of speakerid as a method, over a local or PostgreSQL store, inside one gallery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from speakerid import types
from speakerid.audio.given import Audio, encoded, picked
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel
from speakerid.audio.stream_decoder import Encoding, StreamFormat
from speakerid.bootstrap import build_engine
from speakerid.errors import InvalidRequest, NotOpen
from speakerid.names import from_filename
from speakerid.services import (
    classify,
    coach,
    enroll,
    identify,
    opt_out,
    recording,
    serializers,
    speakers,
    validation,
    verify,
)
from speakerid.services.live.listen import LiveOptions, listen
from speakerid.services.probe import Probe, embed
from speakerid.services.recording import Watch, unwatched
from speakerid.services.recordings import at_once
from speakerid.services.speakers import CandidateFilter, SpeakerFields
from speakerid.services.unknowns import inbox, promote
from speakerid.settings import read_settings
from speakerid.upkeep_verbs import StoreUpkeep


class SpeakerID(StoreUpkeep):
    """Safe to share between threads, not between processes. Close it, or use it in a `with` block.

    Audio: a path, the bytes of a file, a file opened in binary mode, or `(samples, rate in Hz)`; see audio/samples.py.
    """

    def __reduce__(self) -> str:
        raise NotOpen("A SpeakerID cannot be sent to another process. Send the path of the store, and open it there.")

    @classmethod
    def open(cls, store: str | Path | None = None, *, encoder: str | None = None, gallery: str = "default") -> Self:
        """`store`: a path (SQLite, created when missing) or a postgresql:// URL. Raises StoreError, EncoderError,
        SettingsError.

        What is not given is what SPEAKERID_STORE and SPEAKERID_ENCODER say, or else voices.db and "default", as on the
        command line. A store that this process may only read is opened to be read.
        """
        engine = build_engine(read_settings(store=None if store is None else str(store), encoder=encoder))
        return cls(engine, gallery)

    def enroll(
        self,
        speaker: str,
        *audio: Audio,
        accept: str | Iterable[str] = (),
        channel: Channel = "mix",
        tags: Iterable[str] = (),
    ) -> types.Enrollment:
        """Enroll recordings of one speaker, by name or id; a new name makes a new speaker. All of them or none.

        `accept`: codes of refusals to override. `channel`: "mix", or one side of a call, counted from 0. `tags`: added
        to those the speaker has. Returns what the last one did. Raises AudioError, EnrollmentRefused,
        UtteranceElsewhere, EncoderMismatch, InvalidTag.
        """
        if not audio:
            raise InvalidRequest("No recording was given. Give at least one file of this speaker.")
        probes = (coach.enrollment_probe(self.engine, *picked(one, channel)) for one in audio)
        return self.enroll_probes(speaker, probes, accept=accept, tags=tags)

    def enroll_probes(
        self, speaker: str, probes: Iterable[Probe], *, accept: str | Iterable[str] = (), tags: Iterable[str] = ()
    ) -> types.Enrollment:
        """The same for what `services.coach.enrollment_probe` made of recordings, on whatever machine."""
        accepted, gallery = validation.accepted(accept), self._row()
        among = [coach.among(self.engine, gallery, probe) for probe in probes]
        with self.engine.write() as db:
            speaker_id = speakers.add_tags(db, speakers.find_or_create(db, gallery, speaker), tags).id
            return [enroll.enroll(self.engine, db, gallery.name, speaker_id, probe, accepted) for probe in among][-1]

    def identify(
        self,
        audio: Audio,
        *,
        top_k: int = 5,
        channel: Channel = "mix",
        classifiers: str | Iterable[str] = (),
        candidates: Iterable[str] | None = None,
        tags: Iterable[str] | None = None,
    ) -> types.Identification:
        """Who speaks, in all channels or in one of them? `classifiers` are asked as well; `classes` has their answers.

        Only `candidates`, by name or id, may be named, and only who has one of `tags`. Raises AudioError,
        EncoderMismatch, ClassifierError, SpeakerNotFound, InvalidTag.
        """
        data, channel = picked(audio, channel)
        names, only = classify.names(classifiers), CandidateFilter.of(candidates, tags)
        return identify.identify(
            self.engine, self._row(), data, top_k=top_k, channel=channel, classifiers=names, only=only
        )

    def classify(
        self, audio: Audio, classifier: str, *, top_k: int = 5, channel: Channel = "mix"
    ) -> types.Classification:
        """Which label? The answer of one classifier of this machine. Raises ClassifierError, AudioError."""
        data, channel = picked(audio, channel)
        return classify.classify(self.engine, classifier, data, top_k=top_k, channel=channel)

    def classifiers(self) -> list[types.ClassifierDetails]:
        """Every classifier of this machine."""
        return list(classify.listed(self.engine))

    def verify(self, speaker: str, audio: Audio, *, channel: Channel = "mix") -> types.Verification:
        """Is it this speaker, by name or id? Raises SpeakerNotFound, NoVoiceprint, AudioError."""
        data, channel = picked(audio, channel)
        gallery = self._row()
        with self.engine.read() as db:
            speaker_id = speakers.by_name_or_id(db, gallery, speaker).id
        return verify.verify(self.engine, gallery, speaker_id, data, channel=channel)

    def speakers(
        self,
        *,
        name: str | None = None,
        external_id: str | None = None,
        consent_expired: bool = False,
        tag: str | None = None,
    ) -> list[types.Speaker]:
        """Every speaker, oldest first; only those with this name, however written, or exactly this external id, or
        whose consent has ended, or with this tag."""
        gallery, only = self._row(), speakers.filtered(name, external_id, consent_expired, tag)
        return serializers.every_page(self.engine, partial(speakers.page, gallery=gallery, only=only))

    def speaker(self, speaker: str) -> types.Speaker:
        """One speaker, by name or id. Raises SpeakerNotFound."""
        gallery = self._row()
        with self.engine.read() as db:
            return speakers.get(db, gallery, speakers.by_name_or_id(db, gallery, speaker).id)

    def create_speaker(self, name: str, **fields: Any) -> types.Speaker:
        """`fields`: external_id, metadata, consent, tags. Raises InvalidRequest, ExternalIdTaken."""
        gallery = self._row()
        with self.engine.write() as db:
            return speakers.create(db, gallery, SpeakerFields(name=name, **fields))

    def change_speaker(self, speaker: str, **fields: Any) -> types.Speaker:
        """`fields`: name, external_id, metadata, consent, tags; what is given takes the place of what was.

        Raises SpeakerNotFound, InvalidRequest, ExternalIdTaken.
        """
        gallery = self._row()
        with self.engine.write() as db:
            speaker_id = speakers.by_name_or_id(db, gallery, speaker).id
            return speakers.update(db, gallery, speaker_id, SpeakerFields(**fields))

    def delete(self, speaker: str) -> None:
        """Erase a speaker, by name or id, with everything known of their voice. Raises SpeakerNotFound."""
        gallery = self._row()
        with self.engine.write(erase=True) as db:
            speakers.delete(db, gallery, speakers.by_name_or_id(db, gallery, speaker).id)

    def opt_out(self, speaker: str) -> types.Speaker:
        """Erase their voice, kept as unknown ones too, and refuse to enroll them again, by name or external id.

        Raises SpeakerNotFound.
        """
        gallery = self._row()
        engine = self.engine.serving(gallery)
        own = engine.own_strangers(gallery.key)
        with engine.write(erase=True) as db:
            return opt_out.opt_out(engine, db, gallery, speakers.by_name_or_id(db, gallery, speaker).id, own)

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
        tags: Iterable[str] | None = None,
        channel: types.Sides = "mix",
        name: str | None = None,
        watch: Watch = unwatched,
    ) -> types.Recording:
        """Who speaks when? `candidates` and `tags`: as in `identify`; `speakers` speak, where that is known.

        `channel`: "mix", "split" for one side of a call a channel, or one channel. `watch(done, total)` is called as
        it goes, with seconds of work. A gallery that keeps unknown voices keeps the answer too, as `name`, without
        audio. Raises AudioError, InvalidRequest, SpeakerNotFound, EncoderMismatch.
        """
        only = CandidateFilter.of(candidates, tags)
        options = types.JobOptions(speakers, min_speakers, max_speakers, only.names, channel, only.tags)
        called = from_filename(audio) if name is None and isinstance(audio, str | Path) else name
        gallery = self._row()
        with encoded(audio) as data:
            if gallery.keep_unknown_voices:
                return at_once.run_now(self.engine, gallery, data, options, watch, name=called)
            return recording.recording(self.engine, gallery, data, options, watch)

    def listen(
        self,
        messages: Iterable[bytes],
        *,
        encoding: Encoding = "pcm_s16le",
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        channels: int = 1,
        candidates: Iterable[str] | None = None,
        tags: Iterable[str] | None = None,
        classifiers: str | Iterable[str] = (),
    ) -> Iterator[types.Event]:
        """Who speaks right now? Events of a live stream, until `StreamDone` after the last message; nothing is stored.

        `messages` are samples (`pcm_s16le`), an Opus packet each (`opus`), or bytes of one growing file (`webm`,
        `ogg`), awaited one by one. `classifiers` spot words. Raises AudioError, SpeakerNotFound, EncoderMismatch,
        ClassifierError, and whatever `messages` raises.
        """
        incoming = StreamFormat(encoding, sample_rate_hz, channels)
        options = LiveOptions(incoming, CandidateFilter.of(candidates, tags), classifiers=classify.names(classifiers))
        return listen(self.engine, self.gallery, messages, options)

    def unknowns(self, *, min_recordings: int = 1) -> list[types.UnknownVoice]:
        """Every kept unknown voice, oldest first; 2: only those of two recordings or more."""
        page = partial(inbox.page, gallery=self._row(), min_recordings=min_recordings)
        return serializers.every_page(self.engine, page)

    def unknown(self, unknown: str) -> types.UnknownVoiceDetails:
        """One kept unknown voice, by id, and the recordings it speaks in. Raises UnknownVoiceNotFound."""
        gallery = self._row()
        with self.engine.read() as db:
            return inbox.show(db, gallery, unknown)

    def promote(
        self, unknown: str, speaker: str, *, accept: str | Iterable[str] = (), **fields: Any
    ) -> types.Promotion:
        """Enroll a kept unknown voice from its recordings, for a speaker by name or id; a new name makes a new speaker.

        `fields` of a new one: external_id, metadata, consent, tags. Past recordings name the speaker from then on.
        Raises UnknownVoiceNotFound, SpeakerNotFound, EnrollmentRefused, UtteranceElsewhere, EncoderMismatch,
        ExternalIdTaken.
        """
        gallery, accepted = self._row(), validation.accepted(accept)
        near = promote.look_up(self.engine, gallery, unknown)
        with self.engine.write() as db:
            into = promote.by_name_or_id(db, gallery, speaker, SpeakerFields(name=speaker, **fields))
            return promote.promote(self.engine, db, gallery.name, unknown, into, near, accepted)

    def promote_voice(
        self, recording: str, voice: str, speaker: str, *, accept: str | Iterable[str] = (), **fields: Any
    ) -> types.Promotion:
        """The same for the unknown voice that a kept recording's answer calls `voice`: `unknown_1`, say.

        Raises RecordingNotFound, VoiceNotFound, VoiceNotKept, and what `promote` raises.
        """
        gallery = self._row()
        with self.engine.read() as db:
            unknown = inbox.of_recording(db, gallery, recording, voice)
        return self.promote(unknown, speaker, accept=accept, **fields)

    def dismiss(self, unknown: str) -> None:
        """Forget a kept unknown voice. Nothing is left to recognize it by: in a later recording it is a new one.

        Raises UnknownVoiceNotFound.
        """
        gallery = self._row()
        with self.engine.write(erase=True) as db:
            inbox.dismiss(db, gallery, unknown)

    def embedding(self, audio: Audio, *, channel: Channel = "mix") -> types.Embedding:
        """The L2-normalized embedding of the speech in a recording. Nothing is compared, nothing is kept.

        Raises AudioError, NotEnoughSpeech.
        """
        return embed(self.engine, *picked(audio, channel))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
