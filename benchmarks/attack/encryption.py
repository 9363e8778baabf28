"""A store that is encrypted under fire: killed, run twice at once, beside a service that writes. Nothing lost or plain.

Each run of `db encrypt` is a process of its own with small steps, which says when it has done one: kills hit between
any two, and inside.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np

from benchmarks.attack.figures import Figure, at_least, at_most, first
from benchmarks.attack.service import folder, serving
from speakerid.bootstrap import build_engine
from speakerid.db.cipher import MasterKey, write_new_master_key
from speakerid.db.engine import open_database
from speakerid.db.repositories import galleries, speakers
from speakerid.db.unlock import unlock
from speakerid.settings import Settings
from speakerid.types import FloatArray
from tests.services.enrolled import add_speaker, made_up

SEED = 7
KILLS = 20
TIMES = 5
PEOPLE = 200
SLICE = 16  # bytes of a voiceprint
CLIENTS = 4
CREATE_S = 30.0  # at most: they create speakers until they are refused
SPEAKERS = "/v1/galleries/default/speakers"
People = dict[str, tuple[str, str, bytes]]  # by id: name, a note and voiceprint
ENCRYPT = """
import sys
from pathlib import Path
from speakerid.db import encrypting
from speakerid.db.cipher import MasterKey
from speakerid.db.engine import open_database
encrypting.AT_ONCE = 5
database = open_database(sys.argv[1], create=False)
def show(table, rows):
    print(table, flush=True)
    sys.stdin.readline()  # whoever will kill it says when it may go on
encrypting.encrypt(database, MasterKey.read(Path(sys.argv[2])), show)
database.scrub()
database.close()
"""


def measure() -> Iterator[Figure]:
    yield from killed(KILLS)
    yield from twice_at_once(TIMES)
    yield from beside_a_service(TIMES)


def killed(kills: int) -> Iterator[Figure]:
    chance, done = random.Random(SEED), 0
    with folder() as place:
        store, key = _plain_store(place)
        before = _people(store, None)
        for _ in range(kills):
            done += _kill(_begin(store, key, told=subprocess.PIPE), chance)
        _begin(store, key).communicate(timeout=120)
        lost, plain = _lost(before, store, key), _traces(store, before)
    yield at_least("encryption: killed in the middle", done, kills / 2)
    yield at_most("encryption: people lost by kills", len(lost), note=first(lost))
    yield at_most("encryption: people plain in the files after kills", len(plain), note=first(plain))


def twice_at_once(times: int) -> Iterator[Figure]:
    lost, plain = list[str](), list[str]()
    for _ in range(times):
        with folder() as place:
            store, key = _plain_store(place)
            before = _people(store, None)
            for child in [_begin(store, key), _begin(store, key)]:
                child.communicate(timeout=120)  # one of them may find that the other was faster
            lost += _lost(before, store, key)
            plain += _traces(store, before)
    yield at_most("encryption: people lost by two runs at once", len(lost), note=first(lost))
    yield at_most("encryption: people plain in the files after them", len(plain), note=first(plain))


def beside_a_service(times: int) -> Iterator[Figure]:
    """It is stopped first, says the manual; here it is not."""
    lost, shown, created = list[str](), list[str](), 0
    for _ in range(times):
        with folder() as place:
            store, key = _plain_store(place)
            with serving(store) as service, ThreadPoolExecutor(CLIENTS) as pool:
                until = time.monotonic() + CREATE_S
                running = [pool.submit(_create, service.url, f"c{nth}", until) for nth in range(CLIENTS)]
                _begin(store, key).communicate(timeout=120)
                names = [name for one in running for name in one.result()]
                with service.client() as client:
                    shown += [] if client.get(SPEAKERS).status_code == 503 else ["a list of a store it has no key of"]
            created += len(names)
            people = _people(store, key)
            lost += sorted(set(names) - {name for name, _, _ in people.values()})
            shown += _traces(store, people)
            shown += [name for name in names if name in service.log.read_text(errors="replace")]
    yield at_least("encryption: speakers created beside it", created, times)
    yield at_most("encryption: of these lost", len(lost), note=first(lost))
    yield at_most("encryption: names shown or plain afterwards", len(shown), note=first(shown))


def _plain_store(place: Path) -> tuple[Path, Path]:
    """With people in it; and a new master key."""
    store, key = place / "voices.db", place / "keys" / "master"
    key.parent.mkdir()
    write_new_master_key(key)
    engine = build_engine(Settings(store=str(store), encoder="fake"))
    for nth in range(PEOPLE):
        vector = made_up(_vector(nth, engine.encoder.dim))
        add_speaker(engine, f"Ottoline-{nth:04d}", vector, metadata={"note": f"Nowhere-{nth:04d}"})
    engine.close()
    return store, key


def _vector(seed: int, dim: int) -> FloatArray:
    vector = np.random.default_rng(seed).standard_normal(dim)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _begin(store: Path, key: Path, told: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """It goes on by itself, or after each step when it is `told`."""
    command = [sys.executable, "-c", ENCRYPT, str(store), str(key)]
    return subprocess.Popen(command, stdin=told, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _kill(child: subprocess.Popen[str], chance: random.Random) -> bool:
    """After a few steps, and a moment. Whether it still ran."""
    assert child.stdin is not None
    assert child.stdout is not None
    for _ in range(chance.randrange(1, 4)):
        child.stdout.readline()
        with suppress(BrokenPipeError):  # it had less to do
            child.stdin.write("\n")
            child.stdin.flush()
    time.sleep(chance.uniform(0.0, 0.01))
    child.kill()
    child.communicate(timeout=60)
    return child.returncode != 0


def _people(store: Path, key: Path | None) -> People:
    database = open_database(store, create=False)
    try:
        unlock(database, MasterKey.given(key))
        with database.read() as db:
            rows = [one for row in galleries.every(db) for one in speakers.every(db, row.key)]
            return {row.id: (row.name, str(dict(row.details)), _bytes(row.voiceprint)) for row in rows}
    finally:
        database.close()


def _bytes(vector: FloatArray | None) -> bytes:
    return b"" if vector is None else vector.tobytes()


def _lost(before: People, store: Path, key: Path) -> list[str]:
    """Who is not as they were."""
    after = _people(store, key)
    return [before[one][0] for one in before if before[one] != after.get(one)]


def _traces(store: Path, people: People) -> list[str]:
    """Of whom anything can be read without the key."""
    data = b"\n".join(one.read_bytes() for one in store.parent.glob(f"{store.name}*"))
    return [name for name, note, voiceprint in people.values() if any(one in data for one in _told(name, voiceprint))]


def _told(name: str, voiceprint: bytes) -> list[bytes]:
    slices = [voiceprint[at : at + SLICE] for at in range(0, len(voiceprint), SLICE)]
    return [name.encode(), name.casefold().encode(), name.replace("Ottoline", "Nowhere").encode(), *slices]


def _create(url: str, mark: str, until: float) -> list[str]:
    """Names of those who were acknowledged."""
    names = list[str]()
    with httpx.Client(base_url=url, timeout=60.0, trust_env=False) as client:
        while time.monotonic() < until:
            name = f"Ottoline-{mark}-{len(names)}"
            if client.post(SPEAKERS, json={"name": name}).status_code != 201:
                break
            names.append(name)
    return names
