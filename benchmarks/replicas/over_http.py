"""What clients of both replicas see: identifies all the while, and changes at one that the other has to answer with."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from speakerid import samples
from speakerid.services.validation import EVERY_REFUSAL

GALLERY = "/v1/galleries/default"
PAUSE_S = 1.0  # between two identifies of one client
GIVEN_UP_S = 30.0
START_S = 180.0  # of a busy machine


@dataclass
class HttpFigures:
    """Of one client, or of all."""

    statuses: Counter[int] = field(default_factory=Counter)
    answers_s: list[float] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def wait_until_ready(urls: Sequence[str]) -> None:
    deadline = time.monotonic() + START_S
    for url in urls:
        while not _is_ready(url):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} does not get ready")
            time.sleep(0.1)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def asking(urls: Sequence[str]) -> Iterator[list[HttpFigures]]:
    """Clients identify at each replica for as long as the block runs."""
    ending, figures = threading.Event(), [HttpFigures() for _ in urls]
    threads = [threading.Thread(target=_ask, args=(*one, ending)) for one in zip(urls, figures, strict=True)]
    for one in threads:
        one.start()
    try:
        yield figures
    finally:
        ending.set()
        for one in threads:
            one.join()


def _ask(url: str, figures: HttpFigures, ending: threading.Event) -> None:
    clips = itertools.cycle(_clips())
    with httpx.Client(base_url=url, timeout=GIVEN_UP_S) as client:
        while not ending.wait(PAUSE_S):
            began = time.monotonic()
            figures.statuses[client.post(f"{GALLERY}/identify", content=next(clips)).status_code] += 1
            figures.answers_s.append(time.monotonic() - began)


def change(urls: Sequence[str], count: int) -> HttpFigures:
    """So many changes, by turns at one replica: somebody is enrolled, then erased, and the other is asked each time."""
    figures, clips = HttpFigures(), itertools.cycle(_clips())
    with httpx.Client(timeout=GIVEN_UP_S) as client:
        for nth in range(count // 2):
            here, there = urls[nth % 2], urls[1 - nth % 2]
            speaker, clip = _made(client, here, nth, figures), next(clips)
            accept = ",".join(sorted(EVERY_REFUSAL))
            place = f"{here}{GALLERY}/speakers/{speaker}"
            _note(figures, client.post(f"{place}/utterances", params={"accept": accept}, content=clip))
            _look(client, there, clip, speaker, figures, wanted=True)
            _note(figures, client.delete(place))
            _look(client, there, clip, speaker, figures, wanted=False)
    return figures


def _made(client: httpx.Client, url: str, nth: int, figures: HttpFigures) -> str:
    answer = client.post(f"{url}{GALLERY}/speakers", json={"name": f"Over HTTP {nth}"})
    _note(figures, answer)
    found: str = answer.json()["id"]
    return found


def _note(figures: HttpFigures, answer: httpx.Response) -> None:
    figures.statuses[answer.status_code] += 1
    answer.raise_for_status()


def _look(client: httpx.Client, url: str, clip: bytes, speaker: str, figures: HttpFigures, *, wanted: bool) -> None:
    """Until it is the first candidate, or none; the answer's own time is part of the lag."""
    began = time.monotonic()
    while time.monotonic() < began + GIVEN_UP_S:
        answer = client.post(f"{url}{GALLERY}/identify", content=clip)
        _note(figures, answer)
        ids = [one["speaker"]["id"] for one in answer.json()["candidates"]]
        if ids[:1] == [speaker] if wanted else speaker not in ids:
            figures.lags_s.append(time.monotonic() - began)
            return
    figures.missed.append(speaker)


def _clips() -> list[bytes]:
    return [one.enroll[0].read_bytes() for one in samples.voices().values()]
