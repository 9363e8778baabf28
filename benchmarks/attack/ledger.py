"""What a client knows to be so: every write that was acknowledged, and the one that may or may not have happened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import httpx

from speakerid.services.validation import EVERY_REFUSAL

GALLERY = "/v1/galleries/default"
ACCEPT_ALL = {"accept": ",".join(sorted(EVERY_REFUSAL))}


@dataclass(frozen=True)
class Person:
    name: str
    utterances: frozenset[str] = frozenset()


@dataclass(frozen=True)
class State:
    """Of everything that one client made."""

    people: dict[str, Person] = field(default_factory=dict)
    recordings: frozenset[str] = frozenset()

    def ids(self) -> frozenset[str]:
        utterances = frozenset[str]().union(*(person.utterances for person in self.people.values()))
        return self.recordings | utterances | frozenset(self.people)

    def put(self, person: str, changed: Person | None) -> State:
        others = {key: value for key, value in self.people.items() if key != person}
        return replace(self, people=others if changed is None else others | {person: changed})


class Write(Protocol):
    """One request that changes something."""

    def send(self, client: httpx.Client) -> httpx.Response: ...

    def after(self, state: State, new: str) -> State:
        """The state once it has happened; `new` is the id of what it made."""
        ...

    def erases(self, state: State) -> frozenset[str]:
        """What can never be found again once it has happened: ids and names."""
        ...


@dataclass(frozen=True)
class Create:
    name: str

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.post(f"{GALLERY}/speakers", json={"name": self.name})

    def after(self, state: State, new: str) -> State:
        return state.put(new, Person(self.name))

    def erases(self, state: State) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class Enroll:
    person: str
    audio: bytes = field(repr=False)

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.post(f"{GALLERY}/speakers/{self.person}/utterances", content=self.audio, params=ACCEPT_ALL)

    def after(self, state: State, new: str) -> State:
        person = state.people[self.person]
        return state.put(self.person, replace(person, utterances=person.utterances | {new}))

    def erases(self, state: State) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class EraseSpeaker:
    person: str

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.delete(f"{GALLERY}/speakers/{self.person}")

    def after(self, state: State, new: str) -> State:
        return state.put(self.person, None)

    def erases(self, state: State) -> frozenset[str]:
        person = state.people[self.person]
        return person.utterances | {self.person, person.name}


@dataclass(frozen=True)
class EraseUtterance:
    person: str
    utterance: str

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.delete(f"{GALLERY}/speakers/{self.person}/utterances/{self.utterance}")

    def after(self, state: State, new: str) -> State:
        person = state.people[self.person]
        return state.put(self.person, replace(person, utterances=person.utterances - {self.utterance}))

    def erases(self, state: State) -> frozenset[str]:
        return frozenset({self.utterance})


@dataclass(frozen=True)
class Move:
    person: str
    utterance: str
    to: str

    def send(self, client: httpx.Client) -> httpx.Response:
        path = f"{GALLERY}/speakers/{self.person}/utterances/{self.utterance}/move"
        return client.post(path, json={"to": self.to})

    def after(self, state: State, new: str) -> State:
        giver, taker = state.people[self.person], state.people[self.to]
        given = state.put(self.person, replace(giver, utterances=giver.utterances - {self.utterance}))
        return given.put(self.to, replace(taker, utterances=taker.utterances | {self.utterance}))

    def erases(self, state: State) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class Merge:
    person: str
    into: str

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.post(f"{GALLERY}/speakers/{self.person}/merge", json={"into": self.into})

    def after(self, state: State, new: str) -> State:
        gone, stays = state.people[self.person], state.people[self.into]
        merged = replace(stays, utterances=stays.utterances | gone.utterances)
        return state.put(self.person, None).put(self.into, merged)

    def erases(self, state: State) -> frozenset[str]:
        return frozenset()  # a merge can be undone: the history keeps the name


@dataclass(frozen=True)
class Submit:
    audio: bytes = field(repr=False)

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.post(f"{GALLERY}/recordings", content=self.audio)

    def after(self, state: State, new: str) -> State:
        return replace(state, recordings=state.recordings | {new})

    def erases(self, state: State) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class EraseRecording:
    recording: str

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.delete(f"{GALLERY}/recordings/{self.recording}")

    def after(self, state: State, new: str) -> State:
        return replace(state, recordings=state.recordings - {self.recording})

    def erases(self, state: State) -> frozenset[str]:
        return frozenset({self.recording})


@dataclass
class Ledger:
    """One client's. `pending` was sent and not answered: both its outcomes are right."""

    state: State = field(default_factory=State)
    erased: set[str] = field(default_factory=set)  # ids and names
    pending: Write | None = None
    acknowledged: int = 0

    def begin(self, write: Write) -> None:
        self.pending = write

    def acknowledge(self, new: str) -> None:
        assert self.pending is not None
        self.erased |= self.pending.erases(self.state)
        self.state = self.pending.after(self.state, new)
        self.pending, self.acknowledged = None, self.acknowledged + 1

    def refuse(self) -> None:
        """The service refused: nothing has happened."""
        self.pending = None

    def settle(self, found: State) -> list[str]:
        """Compare with what the service has after a kill, and go on from there. What is wrong, one sentence each."""
        wrong = [] if found == self.state else self._settle_pending(found)
        self.state, self.pending = found, None
        return wrong

    def _settle_pending(self, found: State) -> list[str]:
        new = found.ids() - self.state.ids()
        for one in (*new, ""):
            if self.pending is not None and self.pending.after(self.state, one) == found:
                self.erased |= self.pending.erases(self.state)
                return []
        lost, extra = sorted(self.state.ids() - found.ids()), sorted(new)
        return [f"after {self.pending}: {lost} are lost, {extra} are there and were not, the rest is not as it was"]
