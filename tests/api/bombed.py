"""A service in a process that may take 1 GB: `python -m tests.api.bombed STORE FILE…` prints how requests ended.

Seconds are of computing, by this process and its children: whatever else goes on meanwhile is in them, other work of
the machine is not.

The files are made elsewhere: making one can take as much memory as the service may.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from speakerid.api.app import create_app
from speakerid.audio.decode import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.db.engine import open_database
from speakerid.db.migrate import upgrade
from speakerid.services.recordings.webhooks import Notice
from speakerid.services.recordings.worker import Worker
from speakerid.settings import Settings
from tests.audio.children.processes import computed_s
from tests.audio.encode import wav_bytes
from tests.audio.voice import synthetic_voice
from tests.engines import make_engine

GIB = 1024**3
GALLERY = "/v1/galleries/default"
HONEST = wav_bytes((synthetic_voice(2.0, 16_000) * 32_000).astype(np.int16), 16_000)
Answer = tuple[int, str, float]


def ask(client: TestClient, path: str, audio: bytes) -> Answer:
    before_s = computed_s(os.getpid())
    answer = client.post(f"{GALLERY}/{path}", content=audio)
    code = str(answer.json().get("code", answer.json().get("id", "")))
    return answer.status_code, code, computed_s(os.getpid()) - before_s


def follow(client: TestClient, sent: Answer) -> Answer:
    """Until the worker has ended the job, where there is one."""
    if sent[0] != 202:
        return sent
    before_s = computed_s(os.getpid())
    while (job := client.get(f"{GALLERY}/recordings/{sent[1]}").json())["state"] in ("queued", "running"):
        time.sleep(0.05)
    return 200, str((job.get("error") or {}).get("code", job["state"])), computed_s(os.getpid()) - before_s


def main(store: str, files: list[str]) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (GIB, GIB))
    database = open_database(store)
    upgrade(database)
    database.close()
    engine = make_engine(store, Preparer(SileroVad()))
    worker = Worker(engine, 1, Notice())
    worker.start()
    found: dict[str, Answer] = {}
    with TestClient(create_app(engine, Settings()), base_url="http://127.0.0.1") as client:
        ask(client, "identify", HONEST)
        for file in map(Path, files):
            gc.collect()  # the client's requests, with their bytes, lie in reference cycles in this very process
            name, bomb = file.stem, file.read_bytes()
            beside = threading.Thread(
                target=lambda name=name, bomb=bomb: found.update({f"identify {name}": ask(client, "identify", bomb)})
            )
            beside.start()
            found[f"honest {name}"] = ask(client, "identify", HONEST)
            beside.join()
            found[f"recording {name}"] = follow(client, ask(client, "recordings", bomb))
    worker.stop()
    engine.close()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
