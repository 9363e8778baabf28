"""Client: every verb of speakerid as a method, on a server, inside one gallery."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from speakerid.client.errors import ClientError
from speakerid.client.jobs import Jobs, Watch
from speakerid.client.recording import Audio, read
from speakerid.client.wire import Call, Wire

Json = dict[str, Any]
PAGE_ROWS = 200
SPEAKER_ID = re.compile(r"spk_[0-9A-HJKMNP-TV-Z]{26}")
TIMEOUT_S = 120.0


class Client:
    """Answers are the API's own JSON. Every method raises ClientError. Close it, or use it in a `with` block.

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

    def enroll(self, speaker: str, *audio: Audio, accept: str | Iterable[str] = (), channel: str | int = "mix") -> Json:
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

    def identify(self, audio: Audio, *, top_k: int = 5, channel: str | int = "mix") -> Json:
        """Who speaks, in all channels as one ("mix") or in one of them, counted from 0?"""
        return self._post_audio(f"{self._gallery}/identify", read(audio), {"top_k": top_k, "channel": channel})

    def stream(
        self,
        messages: Iterable[bytes],
        *,
        encoding: str = "pcm_s16le",
        sample_rate_hz: int = 16_000,
        channels: int = 1,
        candidates: Iterable[str] | None = None,
    ) -> Iterator[Json]:
        """Who speaks, while it is said? Events, until `done` after the last message.

        `messages` are samples (`pcm_s16le`), an Opus packet each (`opus`), or bytes of one growing file (`webm`,
        `ogg`); they are taken in a thread of their own, and what they raise is raised here.
        """
        from speakerid.client import live  # websockets: 0.1 s, which nothing else needs

        config: Json = {"encoding": encoding, "sample_rate_hz": sample_rate_hz, "channels": channels}
        if candidates is not None:
            config["candidates"] = list(candidates)
        yield from live.stream(live.Address(self._server, f"{self._gallery}/stream", self._key), config, messages)

    def verify(self, speaker: str, audio: Audio, *, channel: str | int = "mix") -> Json:
        """Is it this speaker?"""
        body = read(audio)
        return self._post_audio(f"{self._of(self._id(speaker))}/verify", body, {"channel": channel})

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
    ) -> Json:
        """Who speaks when? Sends a recording of any length and waits until it is gone through.

        `channel`: "mix", "split", or a number from 0. `watch(percent, 100)` is called as it goes.
        """
        job = self._jobs.send(audio, (speakers, min_speakers, max_speakers), candidates, channel, None)
        return self._jobs.follow(job["id"], watch)

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
    ) -> Json:
        """The same without waiting. Returns the job; `webhook` is called when it has ended."""
        return self._jobs.send(audio, (speakers, min_speakers, max_speakers), candidates, channel, webhook)

    def recordings(self) -> list[Json]:
        """Every recording, newest first, without results."""
        return self._pages(f"{self._gallery}/recordings", {})

    def recording_job(self, recording: str) -> Json:
        """One recording by id and, when it is done, its `result`."""
        return self._jobs.get(recording)

    def cancel_recording(self, recording: str) -> Json:
        return self._jobs.cancel(recording)

    def delete_recording(self, recording: str) -> None:
        """Erase a recording with its result."""
        self._jobs.delete(recording)

    def speakers(self, *, name: str | None = None, external_id: str | None = None) -> list[Json]:
        """Every speaker, oldest first; only those with exactly this name or external id where given."""
        wanted = {"name": name, "external_id": external_id}
        params: Json = {key: value for key, value in wanted.items() if value is not None}
        return self._pages(f"{self._gallery}/speakers", params)

    def speaker(self, speaker: str) -> Json:
        """One speaker, by id or name."""
        return self._json("GET", self._of(self._id(speaker)))

    def create_speaker(self, name: str, **fields: Any) -> Json:
        """`fields`: external_id, metadata, consent."""
        return self._json("POST", f"{self._gallery}/speakers", body={"name": name} | fields)

    def change_speaker(self, speaker: str, **fields: Any) -> Json:
        """`fields`: name, external_id, metadata, consent."""
        return self._json("PATCH", self._of(self._id(speaker)), body=fields)

    def delete(self, speaker: str) -> None:
        """Erase a speaker with everything known of the voice."""
        self._wire.send(Call("DELETE", self._of(self._id(speaker))))

    def delete_utterance(self, speaker: str, utterance: str) -> Json:
        """Erase one utterance. Returns the speaker as it is then."""
        path = f"{self._of(self._id(speaker))}/utterances/{quote(utterance, safe='')}"
        return self._json("DELETE", path)

    def audit(self) -> Json:
        """What is wrong in the gallery, and what would repair it."""
        found = self._json("POST", f"{self._gallery}/audit")
        while found["next_cursor"] is not None:  # a large gallery answers page by page
            more = self._json("POST", f"{self._gallery}/audit", {"cursor": found["next_cursor"]})
            joined = {name: found[name] + more[name] for name in ("utterances", "findings")}
            found = more | joined
        return found

    def merge(self, speaker: str, into: str) -> Json:
        """Make two speakers one: `into`."""
        path = f"{self._of(self._id(speaker))}/merge"
        return self._json("POST", path, body={"into": self._id(into)})

    def move(self, speaker: str, utterance: str, to: str) -> Json:
        """Give an utterance of `speaker` to another speaker."""
        path = f"{self._of(self._id(speaker))}/utterances/{quote(utterance, safe='')}/move"
        return self._json("POST", path, body={"to": self._id(to)})

    def history(self) -> list[Json]:
        """Every merge and move of the gallery, newest first."""
        return self._pages(f"{self._gallery}/history", {})

    def undo(self, change: str = "last") -> Json:
        """Take back a change, by id, or the last one."""
        return self._json("POST", f"{self._gallery}/history/{quote(change, safe='')}/undo")

    def unknowns(self, *, min_recordings: int = 1) -> list[Json]:
        """Every kept voice that is nobody enrolled, oldest first; 2: only those that were heard again."""
        return self._pages(f"{self._gallery}/unknowns", {"min_recordings": min_recordings})

    def unknown(self, unknown: str) -> Json:
        """One kept voice, by id, and where it was heard."""
        return self._json("GET", self._unknown(unknown))

    def promote(self, unknown: str, speaker: str, *, accept: str | Iterable[str] = (), **fields: Any) -> Json:
        """Enroll a kept voice from where it was heard; a new name makes a new speaker.

        `fields` of a new one: external_id, metadata, consent. Past recordings name the speaker from then on.
        """
        speaker_id = self._find(speaker)
        whose = {"name": speaker} if speaker_id is None else {"speaker_id": speaker_id}
        body = whose | fields | {"accept": _joined(accept)}
        return self._json("POST", f"{self._unknown(unknown)}/promote", body=body)

    def dismiss(self, unknown: str) -> None:
        """Forget a kept voice. Nothing is left to know it by: it may be heard anew."""
        self._wire.send(Call("DELETE", self._unknown(unknown)))

    def galleries(self) -> list[Json]:
        """Every gallery that the key may see."""
        items: list[Json] = self._json("GET", "/v1/galleries")["items"]
        return items

    def create_gallery(self, name: str, **settings: Any) -> Json:
        """`settings`: those of the gallery, such as target_fpir, keep_audio, combining, keep_unknown_voices."""
        return self._json("POST", "/v1/galleries", body={"name": name} | settings)

    def change_gallery(self, name: str, **settings: Any) -> Json:
        return self._json("PATCH", f"/v1/galleries/{quote(name, safe='')}", body=settings)

    def delete_gallery(self, name: str) -> None:
        """Erase a gallery and everybody in it."""
        self._wire.send(Call("DELETE", f"/v1/galleries/{quote(name, safe='')}"))

    def calibrate(self, *, dry_run: bool = False) -> Json:
        """Fit a calibration on the gallery's own utterances; `dry_run` only looks."""
        return self._json("POST", f"{self._gallery}/calibrate", {"dry_run": dry_run})

    def reset_calibration(self) -> Json:
        """Go back to the encoder's default calibration. Returns the gallery."""
        return self._json("DELETE", f"{self._gallery}/calibration")

    def embedding(self, audio: Audio, *, channel: str | int = "mix") -> Json:
        return self._post_audio("/v1/embeddings", read(audio), {"channel": channel})

    def ready(self) -> Json:
        """Whether the server can serve, and why not."""
        answer: Json = self._wire.send(Call("GET", "/readyz", also_good=(503,)))
        return answer

    def close(self) -> None:
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _id(self, speaker: str) -> str:
        return self._find(speaker) or speaker  # the server says best that there is nobody

    def _find(self, speaker: str) -> str | None:
        """The id itself, the id of the one speaker of this name, or None."""
        if SPEAKER_ID.fullmatch(speaker):
            return speaker
        ids: list[str] = [one["id"] for one in self.speakers(name=speaker.strip())]
        if len(ids) > 1:
            raise ClientError(
                "invalid_request", f"{len(ids)} speakers have this name. Use one of their ids: {', '.join(ids)}."
            )
        return ids[0] if ids else None

    def _enroll_new(self, name: str, bodies: list[bytes], params: Json) -> Json:
        """Make the speaker and enroll. When the server refuses the very first recording, the speaker goes again."""
        made = self.create_speaker(name)
        try:
            done = self._add(made["id"], bodies[0], params)
        except ClientError as error:
            if error.status is not None:
                # If-Match: never erase what somebody else enrolled for this speaker in the meantime.
                self._wire.send(Call("DELETE", self._of(made["id"]), headers={"If-Match": made["etag"]}))
            raise
        return [done, *(self._add(made["id"], body, params) for body in bodies[1:])][-1]

    def _add(self, speaker_id: str, body: bytes, params: Json) -> Json:
        return self._post_audio(f"{self._of(speaker_id)}/utterances", body, params)

    def _of(self, speaker_id: str) -> str:
        return f"{self._gallery}/speakers/{quote(speaker_id, safe='')}"

    def _unknown(self, unknown: str) -> str:
        return f"{self._gallery}/unknowns/{quote(unknown, safe='')}"

    def _post_audio(self, path: str, body: bytes, params: Json) -> Json:
        headers = {"Content-Type": "application/octet-stream"}
        answer: Json = self._wire.send(Call("POST", path, params, content=body, headers=headers))
        return answer

    def _pages(self, path: str, params: Json) -> list[Json]:
        """All items, page after page."""
        found, cursor = list[Json](), Json()
        while True:
            page = self._json("GET", path, params | cursor | {"limit": PAGE_ROWS})
            found.extend(page["items"])
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def _json(self, method: str, path: str, params: Json | None = None, body: Json | None = None) -> Json:
        answer: Json = self._wire.send(Call(method, path, params or {}, json=body))
        return answer


def _joined(codes: str | Iterable[str]) -> str:
    return codes if isinstance(codes, str) else ",".join(codes)
