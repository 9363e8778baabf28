"""Clients of a service that is about to die: they write, read and upload until it no longer answers."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from threading import Event
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from benchmarks.attack.ledger import (
    GALLERY,
    Create,
    Enroll,
    EraseRecording,
    EraseSpeaker,
    EraseUtterance,
    Ledger,
    Merge,
    Move,
    Submit,
    Write,
)
from benchmarks.attack.speech import VOICES, fresh_wav

REFUSED = range(400, 500)
MOST_PEOPLE = 15  # of one writer: together fewer than identify's longest answer
MOST_RECORDINGS = 6
TOP_K = 100
SECONDS = 1.2  # of speech an utterance: hearing it takes most of the time
READ_EVERY_S = 0.1


class Loop(Protocol):
    """A client that goes on until the service is dead or `stop` is set."""

    unforeseen: list[str]  # answers that are neither good nor a refusal

    def run(self, client: httpx.Client, stop: Event) -> None: ...


class Writer:
    """One request at a time, each noted before it is sent and once it is acknowledged."""

    def __init__(self, nth: int, rng: random.Random) -> None:
        self.mark, self._rng = f"w{nth}-", rng
        self.records = nth == 0  # the one whose recordings they are: a recording has no name to tell them apart by
        self.ledger = Ledger()
        self.unforeseen: list[str] = []

    def run(self, client: httpx.Client, stop: Event) -> None:
        with client:
            while not stop.is_set() and self._write(client):
                pass

    def _write(self, client: httpx.Client) -> bool:
        """Whether the service answered."""
        write = self._next()
        self.ledger.begin(write)
        try:
            answer = write.send(client)
        except httpx.HTTPError:
            return False
        if answer.is_success:
            self.ledger.acknowledge(_made(answer))
        elif answer.status_code in REFUSED:
            self.ledger.refuse()
        else:
            self.unforeseen.append(f"{write} was answered {answer.status_code}")
            return False
        return True

    def _next(self) -> Write:
        if self.records and self._rng.random() < 0.3:
            return self._about_recordings()
        people = list(self.ledger.state.people)
        if len(people) < 2 or (len(people) < MOST_PEOPLE and self._rng.random() < 0.2):
            return Create(f"{self.mark}{self._rng.randbytes(6).hex()}")
        one, other = self._rng.sample(people, 2)
        own = sorted(self.ledger.state.people[one].utterances)
        chance = self._rng.random()
        if not own or chance < 0.45:
            return Enroll(one, fresh_wav(self._rng, self._rng.choice(VOICES), SECONDS))
        if chance < 0.65:
            return EraseSpeaker(one)
        if chance < 0.8:
            return EraseUtterance(one, self._rng.choice(own))
        return Merge(one, other) if chance < 0.88 else Move(one, self._rng.choice(own), other)

    def _about_recordings(self) -> Write:
        known = sorted(self.ledger.state.recordings)
        if len(known) >= MOST_RECORDINGS or (known and self._rng.random() < 0.4):
            return EraseRecording(self._rng.choice(known))
        return Submit(fresh_wav(self._rng, self._rng.choice(VOICES), SECONDS))


class Reader:
    """Asks who speaks; whoever was erased before it asked must not be named."""

    def __init__(self, writers: Sequence[Writer], probe: bytes) -> None:
        self._writers, self._probe = writers, probe
        self.again: list[str] = []
        self.unforeseen: list[str] = []

    def run(self, client: httpx.Client, stop: Event) -> None:
        with client:
            while not stop.wait(READ_EVERY_S):
                erased = [frozenset(writer.ledger.erased) for writer in self._writers]
                try:
                    answer = client.post(f"{GALLERY}/identify", content=self._probe, params={"top_k": TOP_K})
                except httpx.HTTPError:
                    return
                if answer.is_server_error:
                    self.unforeseen.append(f"identify was answered {answer.status_code}")
                    return
                named = {one["speaker"]["id"] for one in answer.json().get("candidates", ())}
                self.again += [one for some in erased for one in some & named]


class Uploader:
    """Holds a recording that is never finished."""

    def __init__(self) -> None:
        self.unforeseen: list[str] = []

    def run(self, client: httpx.Client, stop: Event) -> None:
        address = urlsplit(str(client.base_url))
        client.close()
        head = f"POST {GALLERY}/recordings HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000000\r\n\r\n".encode()
        try:
            with socket.create_connection((address.hostname or "", address.port or 0), 10) as connection:
                connection.sendall(head + fresh_wav(random.Random(2), VOICES[0]) + bytes(2**21))
                stop.wait()
        except OSError:
            return  # the service is dead


def _made(answer: httpx.Response) -> str:
    """The id of what the request made, "" where it made nothing."""
    body = answer.json() if answer.content else {}
    return str(body["utterance"]["id"] if "utterance" in body else body.get("id", ""))
