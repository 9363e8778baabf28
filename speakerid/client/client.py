"""Client: every verb of speakerid as a method, on a server, inside one gallery."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from speakerid import types
from speakerid.client.jobs import Jobs, Watch
from speakerid.client.wire import Audio, Call, ClientError, Wire, read

Json = dict[str, Any]
Item = TypeVar("Item")
Answer = TypeVar("Answer")
PAGE_ROWS = 200
SPEAKER_ID = re.compile(r"spk_[0-9A-HJKMNP-TV-Z]{26}")
TIMEOUT_S = 120.0


class Client:
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

    def enroll(
        self, speaker: str, *audio: Audio, accept: str | Iterable[str] = (), channel: str | int = "mix"
    ) -> types.Enrollment:
        """Enroll recordings of one speaker; a new name makes a new speaker. Returns what the last one did.

        They are sent one by one: what came before a refused one stays. Sending one twice changes nothing. `accept`:
        codes of refusals to override. `channel`: "mix", or one side of a call, counted from 0.
        """
        if not audio:
            raise ClientError("invalid_request", "No recording was given. Give at least one file of this speaker.")
        bodies = [read(one) for one in audio]
        params = {"accept": _joined(accept), "channel": channel}
        speaker_id = self._find(speaker)
        if speaker_id is None:
            return self._enroll_new(speaker, bodies, params)
        return [self._add(speaker_id, body, params) for body in bodies][-1]

    def identify(self, audio: Audio, *, top_k: int = 5, channel: str | int = "mix") -> types.Identification:
        """Who speaks, in all channels as one ("mix") or in one of them, counted from 0?"""
        return self._post_audio(
            types.Identification, f"{self._gallery}/identify", read(audio), {"top_k": top_k, "channel": channel}
        )

    def listen(
        self,
        messages: Iterable[bytes],
        *,
        encoding: str = "pcm_s16le",
        sample_rate_hz: int = 16_000,
        channels: int = 1,
        candidates: Iterable[str] | None = None,
    ) -> Iterator[types.Event]:
        """Who speaks right now? Events of a live stream, until `StreamDone` after the last message.

        `messages` are samples (`pcm_s16le`), an Opus packet each (`opus`), or bytes of one growing file (`webm`,
        `ogg`); they are taken in a thread of their own, and what they raise is raised here.
        """
        from speakerid.client import live  # websockets: 0.1 s, which nothing else needs

        config: Json = {"encoding": encoding, "sample_rate_hz": sample_rate_hz, "channels": channels}
        if candidates is not None:
            config["candidates"] = list(candidates)
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
        channel: str | int = "mix",
        watch: Watch = lambda percent, total: None,
    ) -> types.Recording:
        """Who speaks when? Sends a recording of any length and waits for its result.

        `channel`: "mix", "split", or a number from 0. `watch(percent, 100)` is called as it goes.
        """
        job = self._jobs.send(audio, (speakers, min_speakers, max_speakers), candidates, channel, None)
        return self._jobs.follow(job.id, watch)

    def send_recording(
        self,
        audio: Audio,
        *,
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        candidates: Iterable[str] | None = None,
        channel: str | int = "mix",
        webhook: str | None = None,
    ) -> types.RecordingJob:
        """The same without waiting. Returns the job; `webhook` is called when it has ended."""
        return self._jobs.send(audio, (speakers, min_speakers, max_speakers), candidates, channel, webhook)

    def recordings(self) -> list[types.RecordingJob]:
        """Every recording, newest first, without results."""
        return self._pages(types.Page[types.RecordingJob], f"{self._gallery}/recordings")

    def recording_job(self, recording: str) -> types.RecordingResult:
        """One recording by id and, when it is done, its `result`."""
        return self._jobs.get(recording)

    def cancel_recording(self, recording: str) -> types.RecordingJob:
        return self._jobs.cancel(recording)

    def delete_recording(self, recording: str) -> None:
        """Erase a recording with its result."""
        self._jobs.delete(recording)

    def speakers(self, *, name: str | None = None, external_id: str | None = None) -> list[types.Speaker]:
        """Every speaker, oldest first; only those with exactly this name or external id where given."""
        wanted = {"name": name, "external_id": external_id}
        params: Json = {key: value for key, value in wanted.items() if value is not None}
        return self._pages(types.Page[types.Speaker], f"{self._gallery}/speakers", params)

    def speaker(self, speaker: str) -> types.Speaker:
        """One speaker, by id or name."""
        return self._ask(types.Speaker, "GET", self._of(self._id(speaker)))

    def create_speaker(self, name: str, **fields: Any) -> types.Speaker:
        """`fields`: external_id, metadata, consent."""
        return self._ask(types.Speaker, "POST", f"{self._gallery}/speakers", body={"name": name} | fields)

    def change_speaker(self, speaker: str, **fields: Any) -> types.Speaker:
        """`fields`: name, external_id, metadata, consent."""
        return self._ask(types.Speaker, "PATCH", self._of(self._id(speaker)), body=fields)

    def delete(self, speaker: str) -> None:
        """Erase a speaker with everything known of their voice."""
        self._wire.send(Call("DELETE", self._of(self._id(speaker))))

    def delete_utterance(self, speaker: str, utterance: str) -> types.Speaker:
        """Erase one utterance. Returns the speaker as it is then."""
        path = f"{self._of(self._id(speaker))}/utterances/{quote(utterance, safe='')}"
        return self._ask(types.Speaker, "DELETE", path)

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

    def history(self) -> list[types.Change]:
        """Every merge and move of the gallery, newest first."""
        return self._pages(types.Page[types.Change], f"{self._gallery}/history")

    def undo(self, change: str = "last") -> types.Repair:
        """Take back a change, by id, or the last one."""
        return self._ask(types.Repair, "POST", f"{self._gallery}/history/{quote(change, safe='')}/undo")

    def unknowns(self, *, min_recordings: int = 1) -> list[types.UnknownVoice]:
        """Every kept unknown voice, oldest first; 2: only those of two recordings or more."""
        path = f"{self._gallery}/unknowns"
        return self._pages(types.Page[types.UnknownVoice], path, {"min_recordings": min_recordings})

    def unknown(self, unknown: str) -> types.UnknownVoiceDetails:
        """One kept unknown voice, by id, and the recordings it speaks in."""
        return self._ask(types.UnknownVoiceDetails, "GET", self._unknown(unknown))

    def promote(
        self, unknown: str, speaker: str, *, accept: str | Iterable[str] = (), **fields: Any
    ) -> types.Promotion:
        """Enroll a kept unknown voice from its recordings; a new name makes a new speaker.

        `fields` of a new one: external_id, metadata, consent. Past recordings name the speaker from then on.
        """
        speaker_id = self._find(speaker)
        whose = {"name": speaker} if speaker_id is None else {"speaker_id": speaker_id}
        body = whose | fields | {"accept": _joined(accept)}
        return self._ask(types.Promotion, "POST", f"{self._unknown(unknown)}/promote", body=body)

    def dismiss(self, unknown: str) -> None:
        """Forget a kept unknown voice. Nothing is left to recognize it by: in a later recording it is a new one."""
        self._wire.send(Call("DELETE", self._unknown(unknown)))

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

    def _id(self, speaker: str) -> str:
        return self._find(speaker) or speaker  # an unknown name is refused by the server

    def _find(self, speaker: str) -> str | None:
        """The id itself, the id of the one speaker of this name, or None."""
        if SPEAKER_ID.fullmatch(speaker):
            return speaker
        ids = [one.id for one in self.speakers(name=speaker.strip())]
        if len(ids) > 1:
            raise ClientError(
                "invalid_request", f"{len(ids)} speakers have this name. Use one of their ids: {', '.join(ids)}."
            )
        return ids[0] if ids else None

    def _enroll_new(self, name: str, bodies: list[bytes], params: Json) -> types.Enrollment:
        """Make the speaker and enroll. When the server refuses the very first recording, the speaker goes again."""
        made = self.create_speaker(name)
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

    def _of(self, speaker_id: str) -> str:
        return f"{self._gallery}/speakers/{quote(speaker_id, safe='')}"

    def _unknown(self, unknown: str) -> str:
        return f"{self._gallery}/unknowns/{quote(unknown, safe='')}"

    def _post_audio(self, kind: type[Answer], path: str, body: bytes, params: Json) -> Answer:
        headers = {"Content-Type": "application/octet-stream"}
        return self._wire.ask(kind, Call("POST", path, params, content=body, headers=headers))

    def _pages(self, kind: type[types.Page[Item]], path: str, params: Json | None = None) -> list[Item]:
        """All items, page after page."""
        found, asked = list[Item](), (params or {}) | {"limit": PAGE_ROWS}
        while True:
            page = self._ask(kind, "GET", path, asked)
            found.extend(page.items)
            if page.next_cursor is None:
                return found
            asked |= {"cursor": page.next_cursor}

    def _ask(
        self, kind: type[Answer], method: str, path: str, params: Json | None = None, body: Json | None = None
    ) -> Answer:
        return self._wire.ask(kind, Call(method, path, params or {}, json=body))


def _joined(codes: str | Iterable[str]) -> str:
    return codes if isinstance(codes, str) else ",".join(codes)
