"""A service in a process of its own that may take 1 GB: `bombed.py STORE BOMB…` prints how each request ended."""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from pathlib import Path

GIB = 1024**3
resource.setrlimit(resource.RLIMIT_DATA, (GIB, GIB))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np  # noqa: E402: the limit comes first
from fastapi.testclient import TestClient  # noqa: E402

from speakerid.api.app import create_app  # noqa: E402
from speakerid.audio.prepare import Preparer  # noqa: E402
from speakerid.audio.vad import SileroVad  # noqa: E402
from speakerid.db.engine import open_database  # noqa: E402
from speakerid.db.migrate import upgrade  # noqa: E402
from speakerid.services.recordings.notify import Notice  # noqa: E402
from speakerid.services.recordings.worker import Worker  # noqa: E402
from speakerid.settings import Settings  # noqa: E402
from tests.audio.bombs import BOMBS  # noqa: E402
from tests.audio.encode import wav_bytes  # noqa: E402
from tests.audio.voice import synthetic_voice  # noqa: E402
from tests.engines import make_engine  # noqa: E402

GALLERY = "/v1/galleries/default"
HONEST = wav_bytes((synthetic_voice(2.0, 16_000) * 32_000).astype(np.int16), 16_000)
Answer = tuple[int, str, float]


def ask(client: TestClient, path: str, audio: bytes) -> Answer:
    began = time.monotonic()
    answer = client.post(f"{GALLERY}/{path}", content=audio)
    return answer.status_code, str(answer.json().get("code", answer.json().get("id", ""))), time.monotonic() - began


def follow(client: TestClient, sent: Answer) -> Answer:
    """Until the worker has ended the job, where there is one."""
    if sent[0] != 202:
        return sent
    began = time.monotonic()
    while (job := client.get(f"{GALLERY}/recordings/{sent[1]}").json())["state"] in ("queued", "running"):
        time.sleep(0.05)
    return 200, str((job.get("error") or {}).get("code", job["state"])), time.monotonic() - began


def main(store: str, names: list[str]) -> None:
    database = open_database(store)
    upgrade(database)
    database.close()
    engine = make_engine(store, Preparer(SileroVad()))
    worker = Worker(engine, 1, Notice())
    worker.start()
    found: dict[str, Answer] = {}
    with TestClient(create_app(engine, Settings()), base_url="http://127.0.0.1") as client:
        ask(client, "identify", HONEST)
        for name in names:
            bomb = BOMBS[name]()
            beside = threading.Thread(
                target=lambda name=name, bomb=bomb: found.update({f"identify {name}": ask(client, "identify", bomb)})
            )
            beside.start()
            found[f"honest {name}"] = ask(client, "identify", HONEST)
            beside.join()
            found[f"recording {name}"] = follow(client, ask(client, "recordings", bomb))
    worker.stop()
    engine.close()
    print(json.dumps(found))  # noqa: T201: what the test reads


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
