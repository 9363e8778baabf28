"""SIGKILL between the commit of an erasure and its scrubbing: the next start leaves no byte. And what erasing costs.

The person to be erased is made, erased and killed over in a process of its own, at the very place between the two. The
price is what others wait for while erasures go on: the slowest of a hundred creations, at 32 clients.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

from benchmarks.attack.figures import Figure, at_least, at_most, first, reported
from benchmarks.attack.service import folder, serving

KILLS = 50
CLIENTS = 32
SECONDS = 10.0
SLICE = 16  # bytes of a voiceprint
SPEAKERS = "/v1/galleries/default/speakers"
ERASE_AND_DIE = """
import os, signal, sys
from speakerid.bootstrap import build_engine
from speakerid.db.engine import Database
from speakerid.db.models import SpeakerRow
from speakerid.services import galleries, speakers
from speakerid.services.speakers import SpeakerFields
from speakerid.settings import Settings
import numpy as np
engine = build_engine(Settings(store=sys.argv[1], encoder="fake"))
gallery = galleries.get(engine, "default")
vector = np.random.default_rng(int(sys.argv[2])).standard_normal(engine.encoder.dim)
vector = (vector / np.linalg.norm(vector)).astype(np.float32)
with engine.write() as db:
    made = speakers.create(db, gallery, SpeakerFields(name=sys.argv[3], metadata={"note": sys.argv[3] * 40}))
    row = db.query(SpeakerRow).filter_by(id=made.id).one()
    row.voiceprint = vector
    if int(sys.argv[2]) % 2:  # a store whose log is long, and one whose log is nearly empty
        for nth in range(200):
            speakers.create(db, gallery, SpeakerFields(name=f"other {nth}"))
print(vector.tobytes().hex(), flush=True)
Database.scrub = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with engine.write(erase=True) as db:
    speakers.delete(db, gallery, made.id)
"""
START = """
import sys
from speakerid.bootstrap import build_engine
from speakerid.settings import Settings
build_engine(Settings(store=sys.argv[1], encoder="fake")).close()
"""


def measure() -> Iterator[Figure]:
    yield from after_kills(KILLS)
    yield from _price(SECONDS)


def after_kills(kills: int) -> Iterator[Figure]:
    with folder() as place:
        done, before, left = _killed(place / "voices.db", kills)
    yield at_least("erasure: killed between commit and scrub", done, kills)
    yield at_least("erasure: of these with traces before the next start", before, 1)
    yield at_most("erasure: with traces after the next start", len(left), note=first(left))


def _price(seconds: float) -> Iterator[Figure]:
    for erasing in (False, True):
        with folder() as place:
            took, failed = _creating(place / "voices.db", seconds, erasing)
        when = "while others erase" if erasing else "alone"
        yield reported(f"erasure: creations at {CLIENTS} clients {when}", len(took) / seconds, "a second")
        yield reported(f"erasure: 99 % of them take at most, {when}", float(np.percentile(took, 99)), "s")
        yield at_most(f"erasure: requests that failed {when}", failed)


def _killed(store: Path, kills: int) -> tuple[int, int, list[str]]:
    """How many were killed where they should, how many left traces, and who did after the next start."""
    done, before, left = 0, 0, list[str]()
    for nth in range(kills):
        name = f"Ottoline-{nth:04d}-of-Nowhere"
        command = [sys.executable, "-c", ERASE_AND_DIE, str(store), str(nth), name]
        child = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        done += child.returncode == -signal.SIGKILL
        voiceprint = bytes.fromhex(child.stdout.strip())
        before += _traces(store, name, voiceprint)
        subprocess.run([sys.executable, "-c", START, str(store)], timeout=120, check=True)
        if _traces(store, name, voiceprint):
            left.append(name)
    return done, before, left


def _traces(store: Path, name: str, voiceprint: bytes) -> bool:
    wanted = [name.encode(), *(voiceprint[at : at + SLICE] for at in range(0, len(voiceprint), SLICE))]
    files = [one.read_bytes() for one in store.parent.glob(f"{store.name}*")]
    return any(one in data for one in wanted for data in files)


def _creating(store: Path, seconds: float, erasing: bool) -> tuple[list[float], int]:
    """Seconds of each creation, and how many requests failed."""
    with serving(store) as service, ThreadPoolExecutor(CLIENTS) as pool:
        until = time.monotonic() + seconds
        ran = [pool.submit(_client, service.url, f"c{nth}", until, erasing and nth % 4 == 0) for nth in range(CLIENTS)]
        found = [one.result() for one in ran]
    return [took for some, _ in found for took in some], sum(failed for _, failed in found)


def _client(url: str, mark: str, until: float, erasing: bool) -> tuple[list[float], int]:
    took, failed = list[float](), 0
    with httpx.Client(base_url=url, timeout=60.0) as client:
        while time.monotonic() < until:
            begun = time.monotonic()
            answer = client.post(SPEAKERS, json={"name": f"{mark}-{len(took)}"})
            took.append(time.monotonic() - begun)
            failed += answer.status_code != 201
            if erasing and answer.status_code == 201:
                gone = client.delete(f"{SPEAKERS}/{answer.json()['id']}")
                failed += gone.status_code not in (202, 204)
    return took, failed
