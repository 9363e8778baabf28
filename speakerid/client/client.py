"""Client: every verb of speakerid as a method, on a server, inside one gallery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from speakerid import types
from speakerid.client.jobs import Jobs, Watch, restricted
from speakerid.client.operations import Operations
from speakerid.client.upkeep import ServerUpkeep
from speakerid.client.wire import Audio, Call, ClientError, Wire, read

Json = dict[str, Any]
Answer = TypeVar("Answer")
TIMEOUT_S = 120.0


class Client(ServerUpkeep):
    """Answers are those of `SpeakerID`. Every method raises ClientError. Close it, or use it in a `with` block.

    Where a speaker is asked for, a name that only one speaker has will do as well as an id. Finding a name needs a
    key with the scope `read`; an id does not.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        gallery: str = "default",
        timeout_s: float = TIMEOUT_S,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._wire = Wire.open(url, key, timeout_s, transport)
        self._server, self._key = url, key
        self._gallery = f"/v1/galleries/{quote(gallery, safe='')}"
        self._jobs = Jobs(self._wire, self._gallery)
        self.operations = Operations(self._wire)

    def enroll(
        self,
        speaker: str,
        *audio: Audio,
        accept: str | Iterable[str] = (),
        channel: str | int = "mix",
        tags: Iterable[str] = (),
    ) -> types.Enrollment:
        """Enroll recordings of one speaker; a new name makes a new speaker. Returns what the last one did.

        They are sent one by one: what came before a refused one stays. Sending one twice changes nothing. `accept`:
        codes of refusals to override. `channel`: "mix", or one side of a call, counted from 0. `tags`: added to those
        the speaker has, when all were enrolled.
        """
        if not audio:
            raise ClientError("invalid_request", "No recording was given. Give at least one file of this speaker.")
        bodies = [read(one) for one in audio]
        params = {"accept": _joined(accept), "channel": channel}
        speaker_id = self._find(speaker)
        if speaker_id is None:
            return self._enroll_new(speaker, bodies, params, list(tags))
        return self._tagged([self._add(speaker_id, body, params) for body in bodies][-1], tags)

    def _tagged(self, done: types.Enrollment, tags: Iterable[str]) -> types.Enrollment:
        """Tags that the speaker does not have yet are added."""
        speaker = done.speaker
        if not (new := [one for one in tags if one not in speaker.tags]):
            return done
        return replace(done, speaker=self.change_speaker(speaker.id, tags=[*speaker.tags, *new]))

    def identify(
        self,
        audio: Audio,
        *,
        top_k: int = 5,
        channel: str | int = "mix",
        classifiers: str | Iterable[str] = (),
        candidates: Iterable[str] | None = None,
        tags: Iterable[str] | None = None,
    ) -> types.Identification:
        """Who speaks, in all channels as one ("mix") or in one of them, counted from 0?

        `classifiers` are asked as well; `classes` has their answers. Only `candidates`, by name or id, may be named,
        and only who has one of `tags`.
        """
        params: Json = {"top_k": top_k, "channel": channel}
        if names := _joined(classifiers):
            params["classifiers"] = names
        params |= restricted(candidates, tags)
        return self._post_audio(types.Identification, f"{self._gallery}/identify", read(audio), params)

    def classify(
        self, audio: Audio, classifier: str, *, top_k: int = 5, channel: str | int = "mix"
    ) -> types.Classification:
        """Which label? The answer of one classifier of the server."""
        path, params = f"/v1/classifiers/{quote(classifier, safe='')}/classify", {"top_k": top_k, "channel": channel}
        return self._post_audio(types.Classification, path, read(audio), params)

    def classifiers(self) -> list[types.ClassifierDetails]:
        """Every classifier that the server has."""
        return list(self._ask(types.Page[types.ClassifierDetails], "GET", "/v1/classifiers").items)

    def listen(
        self,
        messages: Iterable[bytes],
        *,
        encoding: str = "pcm_s16le",
        sample_rate_hz: int = 16_000,
        channels: int = 1,
        candidates: Iterable[str] | None = None,
        tags: Iterable[str] | None = None,
        classifiers: Iterable[str] = (),
    ) -> Iterator[types.Event]:
        """Who speaks right now? Events of a live stream, until `StreamDone` after the last message.

        `messages` are samples (`pcm_s16le`), an Opus packet each (`opus`), or bytes of one growing file (`webm`,
        `ogg`); they are taken in a thread of their own, and what they raise is raised here. `classifiers` spot words.
        """
        from speakerid.client import live  # websockets: 0.1 s, which nothing else needs

        config: Json = {"encoding": encoding, "sample_rate_hz": sample_rate_hz, "channels": channels}
        config |= {name: list(one) for name, one in (("candidates", candidates), ("tags", tags)) if one is not None}
        if asked := list(classifiers):
            config["classifiers"] = asked
        yield from live.stream(live.Address(self._server, f"{self._gallery}/stream", self._key), config, messages)

    def verify(self, speaker: str, audio: Audio, *, channel: str | int = "mix") -> types.Verification:
        """Is it this speaker?"""
        body = read(audio)
        return self._post_audio(types.Verification, f"{self._of(self._id(speaker))}/verify", body, {"channel": channel})

    def recording(
        self,
        audio: Audio,
        *,
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        candidates: Iterable[str] | None = None,
        tags: Iterable[str] | None = None,
        channel: str | int = "mix",
        name: str | None = None,
        watch: Watch = lambda percent, total: None,
    ) -> types.Recording:
        """Who speaks when? Sends a recording of any length, or its URL, and waits for its result.

        `channel`: "mix", "split", or a number from 0. `name`: what to call it, by default the file's name.
        `watch(percent, 100)` is called as it goes.
        """
        count = types.SpeakerCount(speakers, min_speakers, max_speakers)
        job = self._jobs.send(audio, count, candidates, channel, None, name, tags)
        return self._jobs.follow(job.id, watch)

    def send_recording(
        self,
        audio: Audio,
        *,
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        candidates: Iterable[str] | None = None,
        tags: Iterable[str] | None = None,
        channel: str | int = "mix",
        webhook: str | None = None,
        name: str | None = None,
    ) -> types.RecordingJob:
        """The same without waiting. Returns the job; `webhook` is called when it has ended."""
        count = types.SpeakerCount(speakers, min_speakers, max_speakers)
        return self._jobs.send(audio, count, candidates, channel, webhook, name, tags)

    def recordings(self) -> list[types.RecordingJob]:
        """Every recording, newest first, without results."""
        return self._wire.pages(types.Page[types.RecordingJob], f"{self._gallery}/recordings")

    def recording_job(self, recording: str) -> types.RecordingResult:
        """One recording by id and, when it is done, its `result`."""
        return self._jobs.get(recording)

    def cancel_recording(self, recording: str) -> types.RecordingJob:
        return self._jobs.cancel(recording)

    def delete_recording(self, recording: str) -> None:
        """Erase a recording with its result."""
        self._jobs.delete(recording)

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
        wanted = {"name": name, "external_id": external_id, "consent_expired": consent_expired or None, "tag": tag}
        params: Json = {key: value for key, value in wanted.items() if value is not None}
        return self._wire.pages(types.Page[types.Speaker], f"{self._gallery}/speakers", params)

    def speaker(self, speaker: str) -> types.Speaker:
        """One speaker, by id or name."""
        return self._ask(types.Speaker, "GET", self._of(self._id(speaker)))

    def create_speaker(self, name: str, **fields: Any) -> types.Speaker:
        """`fields`: external_id, metadata, consent, tags."""
        return self._ask(types.Speaker, "POST", f"{self._gallery}/speakers", body={"name": name} | fields)

    def change_speaker(self, speaker: str, **fields: Any) -> types.Speaker:
        """`fields`: name, external_id, metadata, consent, tags; what is given takes the place of what was."""
        return self._ask(types.Speaker, "PATCH", self._of(self._id(speaker)), body=fields)

    def delete(self, speaker: str) -> None:
        """Erase a speaker with everything known of their voice."""
        self._wire.send(Call("DELETE", self._of(self._id(speaker))))

    def opt_out(self, speaker: str) -> types.Speaker:
        """Erase their voice, and refuse to enroll them again, by name or external id."""
        return self._ask(types.Speaker, "POST", f"{self._of(self._id(speaker))}/opt-out")

    def delete_utterance(self, speaker: str, utterance: str) -> types.Speaker:
        """Erase one utterance. Returns the speaker as it is then."""
        path = f"{self._of(self._id(speaker))}/utterances/{quote(utterance, safe='')}"
        return self._ask(types.Speaker, "DELETE", path)

    def unknowns(self, *, min_recordings: int = 1) -> list[types.UnknownVoice]:
        """Every kept unknown voice, oldest first; 2: only those of two recordings or more."""
        path = f"{self._gallery}/unknowns"
        return self._wire.pages(types.Page[types.UnknownVoice], path, {"min_recordings": min_recordings})

    def unknown(self, unknown: str) -> types.UnknownVoiceDetails:
        """One kept unknown voice, by id, and the recordings it speaks in."""
        return self._ask(types.UnknownVoiceDetails, "GET", self._unknown(unknown))

    def promote(
        self, unknown: str, speaker: str, *, accept: str | Iterable[str] = (), **fields: Any
    ) -> types.Promotion:
        """Enroll a kept unknown voice from its recordings; a new name makes a new speaker.

        `fields` of a new one: external_id, metadata, consent, tags. Past recordings name the speaker from then on.
        """
        return self._promote(self._unknown(unknown), speaker, accept, fields)

    def promote_voice(
        self, recording: str, voice: str, speaker: str, *, accept: str | Iterable[str] = (), **fields: Any
    ) -> types.Promotion:
        """The same for the unknown voice that a recording's result calls `voice`: `unknown_1`, say."""
        path = f"{self._gallery}/recordings/{quote(recording, safe='')}/voices/{quote(voice, safe='')}"
        return self._promote(path, speaker, accept, fields)

    def dismiss(self, unknown: str) -> None:
        """Forget a kept unknown voice. Nothing is left to recognize it by: in a later recording it is a new one."""
        self._wire.send(Call("DELETE", self._unknown(unknown)))

    def embedding(self, audio: Audio, *, channel: str | int = "mix") -> types.Embedding:
        """The L2-normalized embedding of the speech in a recording. Nothing is compared, nothing is kept."""
        return self._post_audio(types.Embedding, "/v1/embeddings", read(audio), {"channel": channel})

    def ready(self) -> types.Readiness:
        """Whether the server can serve, and why not."""
        return self._wire.ask(types.Readiness, Call("GET", "/readyz", also_good=(503,)))

    def close(self) -> None:
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _enroll_new(self, name: str, bodies: list[bytes], params: Json, tags: list[str]) -> types.Enrollment:
        """Make the speaker and enroll. When the server refuses the very first recording, the speaker goes again."""
        made = self.create_speaker(name, **({"tags": tags} if tags else {}))
        try:
            done = self._add(made.id, bodies[0], params)
        except ClientError as error:
            if error.status is not None:
                # If-Match: never erase what another client enrolled for this speaker in the meantime.
                self._wire.send(Call("DELETE", self._of(made.id), headers={"If-Match": made.etag}))
            raise
        return [done, *(self._add(made.id, body, params) for body in bodies[1:])][-1]

    def _add(self, speaker_id: str, body: bytes, params: Json) -> types.Enrollment:
        return self._post_audio(types.Enrollment, f"{self._of(speaker_id)}/utterances", body, params)

    def _unknown(self, unknown: str) -> str:
        return f"{self._gallery}/unknowns/{quote(unknown, safe='')}"

    def _promote(self, path: str, speaker: str, accept: str | Iterable[str], fields: Json) -> types.Promotion:
        speaker_id = self._find(speaker)
        whose = {"name": speaker} if speaker_id is None else {"speaker_id": speaker_id}
        body = whose | fields | {"accept": _joined(accept)}
        return self._ask(types.Promotion, "POST", f"{path}/promote", body=body)

    def _post_audio(self, kind: type[Answer], path: str, body: bytes, params: Json) -> Answer:
        headers = {"Content-Type": "application/octet-stream"}
        return self._wire.ask(kind, Call("POST", path, params, content=body, headers=headers))


def _joined(codes: str | Iterable[str]) -> str:
    return codes if isinstance(codes, str) else ",".join(codes)
