"""A key with seconds of audio a day against files that lie, crowds, new secrets, streams, recordings and restarts."""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
from numpy.typing import NDArray
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from benchmarks.attack.figures import Figure, at_least, at_most, first
from benchmarks.attack.service import Service, folder, serving, until
from speakerid.bootstrap import build_engine
from speakerid.services import keys
from speakerid.settings import Settings
from tests.audio.encode import wav_bytes

PER_DAY_S = 60
FILE_S = 10.0
STREAM_S = 9.0  # within what a stream takes ahead
CROWD = 24
GALLERY = "/v1/galleries/default"
RATE_HZ = 16_000
MESSAGE_BYTES = 6_400
OPERATOR = "operator"
FRONT_ENDS = ("files", "streams", "recordings", "lies")
RECORDING_S = 60.0  # at most
LYING_S = 2.0  # of audio in a file that announces another length
NEAR_S = 0.1
DURATION = b"\x44\x89\x88"  # of Matroska: an element of 8 bytes, in milliseconds
LIES = (-1e6, -1.0, 0.001, math.nan, -math.inf, -1e300)


@dataclass(frozen=True)
class Caller:
    """A key at a service."""

    service: Service
    name: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}

    def post(self, path: str, audio: bytes = b"") -> httpx.Response:
        with self.service.client() as client:
            return client.post(path, content=audio, headers=self.headers)

    def get(self, path: str) -> Any:
        with self.service.client() as client:
            return client.get(path, headers=self.headers).raise_for_status().json()


def measure() -> Iterator[Figure]:
    with folder() as place:
        secrets = _keys(place / "voices.db")
        with serving(place / "voices.db") as service:
            callers = {name: Caller(service, name, secret) for name, secret in secrets.items()}
            answered = {
                "files": _crowd(_identified, callers["files"]),
                "streams": _crowd(_streamed, callers["streams"]),
                "recordings": _recordings(callers["recordings"]),
            }
            refunds = [seconds for seconds in LIES if _gives_back(callers["lies"], callers[OPERATOR], seconds)]
            rotated = _rotated(callers["files"], callers[OPERATOR])
            unforeseen = service.tracebacks()
        with serving(place / "voices.db") as service:
            again = _identified(Caller(service, "files", rotated))
    for name, seconds in answered.items():
        yield at_least(f"quotas: seconds of {name} answered", seconds, STREAM_S)
        yield at_most(f"quotas: seconds of {name} answered, sent at once", seconds, PER_DAY_S + FILE_S)
    yield at_most("quotas: lying lengths that gave something back", len(refunds), note=first(map(str, refunds)))
    yield at_most("quotas: seconds answered to a new secret after a restart", again)
    yield at_most("quotas: unforeseen errors", unforeseen)


def _keys(store: Path) -> dict[str, str]:
    engine = build_engine(Settings(store=str(store), encoder="fake"))
    with engine.write() as db:
        scopes, most = ("identify", "enroll", "read"), PER_DAY_S
        made = {name: keys.create(db, name, scopes, audio_seconds_per_day=most).secret for name in FRONT_ENDS}
        made[OPERATOR] = keys.create(db, OPERATOR, ("admin",)).secret
    engine.close()
    return made


def _crowd(send: Callable[[Caller], float], caller: Caller) -> float:
    """Seconds that were answered, of many files sent at once."""
    with ThreadPoolExecutor(CROWD) as pool:
        return sum(pool.map(send, [caller] * CROWD))


def _identified(caller: Caller) -> float:
    return FILE_S if caller.post(f"{GALLERY}/identify", _unannounced()).status_code == 200 else 0.0


def _streamed(caller: Caller) -> float:
    url = f"ws{caller.service.url.removeprefix('http')}{GALLERY}/stream"
    try:
        with connect(url, additional_headers=caller.headers, open_timeout=60, proxy=None) as stream:
            stream.send(json.dumps({"type": "config"}))
            audio = _noise(STREAM_S).tobytes()
            for at in range(0, len(audio), MESSAGE_BYTES):
                stream.send(audio[at : at + MESSAGE_BYTES])
            stream.send(json.dumps({"type": "end"}))
            kinds = [json.loads(one)["type"] for one in stream]
    except (WebSocketException, TimeoutError, OSError):
        return 0.0
    return STREAM_S if "done" in kinds else 0.0


def _recordings(caller: Caller) -> float:
    """All wait before the first is done."""
    sent = [caller.post(f"{GALLERY}/recordings", _unannounced()) for _ in range(CROWD)]
    places = [one.headers["Location"] for one in sent if one.status_code == 202]
    return FILE_S * [_ended(caller, place) for place in places].count("done")


def _ended(caller: Caller, place: str) -> str:
    """The state in which a recording ended; its key's seconds are settled by then, or a moment later."""
    until(RECORDING_S, lambda: caller.get(place)["state"] not in ("queued", "running"), 0.1)
    return str(caller.get(place)["state"])


def _gives_back(caller: Caller, operator: Caller, seconds: float) -> bool:
    """Whether a recording that announces this length counts less than nothing."""
    before = _today(caller, operator)
    sent = caller.post(f"{GALLERY}/recordings", _matroska(seconds))
    taken = _today(caller, operator)
    if sent.status_code == 202:
        _ended(caller, sent.headers["Location"])
        until(RECORDING_S, lambda: abs(_today(caller, operator) - before - LYING_S) < NEAR_S)  # settled a moment later
    return min(taken, _today(caller, operator)) < before


def _today(caller: Caller, operator: Caller) -> float:
    return float(_key(caller, operator)["audio_seconds_today"])


def _rotated(caller: Caller, operator: Caller) -> str:
    """A new secret of the key."""
    with caller.service.client() as client:
        url = f"/v1/keys/{_key(caller, operator)['id']}/rotate"
        return str(client.post(url, json={}, headers=operator.headers).raise_for_status().json()["secret"])


def _key(caller: Caller, operator: Caller) -> Any:
    return next(one for one in operator.get("/v1/keys")["items"] if one["name"] == caller.name)


def _noise(seconds: float) -> NDArray[np.int16]:
    return np.random.default_rng(1).integers(-300, 300, round(seconds * RATE_HZ)).astype(np.int16)


def _unannounced() -> bytes:
    """Two files one after the other: how long they are together stands nowhere."""
    return 2 * wav_bytes(_noise(FILE_S / 2), RATE_HZ)


def _matroska(seconds: float) -> bytes:
    """Of LYING_S, whatever it announces."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(_noise(LYING_S)[None], layout="mono")
        frame.sample_rate = RATE_HZ
        container.mux([*stream.encode(frame), *stream.encode(None)])
    made = file.getvalue()
    at = made.index(DURATION) + len(DURATION)
    return made[:at] + struct.pack(">d", 1000.0 * seconds) + made[at + 8 :]
