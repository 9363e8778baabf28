"""The Client's verbs on a store of this machine, with the same JSON answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from speakerid.audio.limits import Channel
from speakerid.bootstrap import build_engine
from speakerid.services import galleries, serializers, speakers
from speakerid.services.galleries import GallerySettings
from speakerid.services.live.listen import LiveOptions
from speakerid.services.recording import RecordingOptions, Watch
from speakerid.services.speakers import SpeakerFields
from speakerid.settings import Settings
from speakerid.types import to_json
from speakerid.types.recordings import Recording
from speakerid.verbs import SpeakerID

Json = dict[str, Any]


class Local:
    def __init__(self, sid: SpeakerID) -> None:
        self._sid = sid
        self._engine = sid.engine

    @classmethod
    def open(cls, settings: Settings, gallery: str) -> Self:
        """Raises StoreError, EncoderError."""
        return cls(SpeakerID(build_engine(settings), gallery))

    def enroll(self, speaker: str, *audio: str | Path, accept: Sequence[str] = (), channel: Channel = "mix") -> Json:
        return _json(self._sid.enroll(speaker, *audio, accept=accept, channel=channel))

    def identify(self, audio: str | Path, *, top_k: int = 5, channel: Channel = "mix") -> Json:
        return _json(self._sid.identify(audio, top_k=top_k, channel=channel))

    def recording(self, audio: Path, options: RecordingOptions, watch: Watch) -> Recording:
        return self._sid.recording(
            audio,
            **vars(options.count),
            candidates=options.candidates,
            channel=options.channel,
            watch=watch,
        )

    def stream(self, messages: Iterable[bytes], *, candidates: Iterable[str] | None = None) -> Iterator[Json]:
        """`messages`: 16-bit samples at 16 kHz."""
        options = LiveOptions(candidates=None if candidates is None else tuple(candidates))
        return (_json(event) for event in self._sid.listen(messages, options))

    def verify(self, speaker: str, audio: str | Path, *, channel: Channel = "mix") -> Json:
        return _json(self._sid.verify(speaker, audio, channel=channel))

    def speakers(self) -> list[Json]:
        return [_json(one) for one in self._sid.speakers()]

    def speaker(self, speaker: str) -> Json:
        gallery = galleries.get(self._engine, self._sid.gallery)
        with self._engine.read() as db:
            return _json(speakers.get(db, gallery, speakers.by_name_or_id(db, gallery, speaker).id))

    def create_speaker(self, name: str, **fields: Any) -> Json:
        gallery = galleries.get(self._engine, self._sid.gallery)
        with self._engine.write() as db:
            return _json(speakers.create(db, gallery, SpeakerFields(name=name, **fields)))

    def change_speaker(self, speaker: str, **fields: Any) -> Json:
        gallery = galleries.get(self._engine, self._sid.gallery)
        with self._engine.write() as db:
            speaker_id = speakers.by_name_or_id(db, gallery, speaker).id
            return _json(speakers.update(db, gallery, speaker_id, SpeakerFields(**fields)))

    def delete(self, speaker: str) -> None:
        self._sid.delete(speaker)

    def delete_utterance(self, speaker: str, utterance: str) -> Json:
        return _json(self._sid.delete_utterance(speaker, utterance))

    def audit(self) -> Json:
        return _json(self._sid.audit())

    def merge(self, speaker: str, into: str) -> Json:
        return _json(self._sid.merge(speaker, into))

    def move(self, speaker: str, utterance: str, to: str) -> Json:
        return _json(self._sid.move(speaker, utterance, to))

    def history(self) -> list[Json]:
        return [_json(one) for one in self._sid.history()]

    def undo(self, change: str) -> Json:
        return _json(self._sid.undo(change))

    def unknowns(self, *, min_recordings: int = 1) -> list[Json]:
        return [_json(one) for one in self._sid.unknowns(min_recordings=min_recordings)]

    def unknown(self, unknown: str) -> Json:
        return _json(self._sid.unknown(unknown))

    def promote(self, unknown: str, speaker: str, *, accept: Sequence[str] = (), **fields: Any) -> Json:
        return _json(self._sid.promote(unknown, speaker, accept=accept, **fields))

    def dismiss(self, unknown: str) -> None:
        self._sid.dismiss(unknown)

    def galleries(self) -> list[Json]:
        with self._engine.read() as db:
            return [_json(one) for one in galleries.every(self._engine, db)]

    def create_gallery(self, name: str, **settings: Any) -> Json:
        with self._engine.write() as db:
            made = galleries.create(self._engine, db, name, GallerySettings(**settings))
            return _json(serializers.gallery(self._engine, db, made))

    def change_gallery(self, name: str, **settings: Any) -> Json:
        with self._engine.write(erase=settings.get("keep_unknown_voices") is False) as db:
            return _json(galleries.update(self._engine, db, name, GallerySettings(**settings)))

    def delete_gallery(self, name: str) -> None:
        with self._engine.write(erase=True) as db:
            galleries.delete(db, name)

    def calibrate(self, *, dry_run: bool = False) -> Json:
        return _json(self._sid.calibrate(dry_run=dry_run))

    def reset_calibration(self) -> Json:
        return _json(self._sid.reset_calibration())

    def close(self) -> None:
        self._sid.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _json(answer: object) -> Json:
    plain: Json = to_json(answer)
    return plain
