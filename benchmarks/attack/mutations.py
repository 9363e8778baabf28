"""Thousands of damaged files of every container over HTTP: an answer or a named refusal each, and nothing worse."""

from __future__ import annotations

import io
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import av
import httpx
import numpy as np

from benchmarks.attack.figures import Figure, at_least, at_most, first, reported
from benchmarks.attack.memory import limited
from benchmarks.attack.mutate import damaged
from benchmarks.attack.service import Service, folder, serving, until
from benchmarks.attack.speech import RATE_HZ, VOICES, container, speech
from tests.audio.encode import soundfile_bytes

FILES = 5_000
CLIENTS = 2
GALLERY = "/v1/galleries/default"
LIMIT_BYTES = 2**30
SLOW_S = 30.0
ENCODED = (
    *("wav-u8", "wav-s16", "wav-s24", "wav-f32", "wav-f64", "wav-alaw", "wav-mulaw", "flac", "mp3", "aac"),
    *("ogg-opus", "ogg-vorbis", "webm-opus", "m4a-aac", "m4a-fragments"),
)
# More containers and codecs: (format, codec).
MUXED = {
    "ogg-flac": ("ogg", "flac"),
    "mka-flac": ("matroska", "flac"),
    "mov-pcm": ("mov", "pcm_s16le"),
    "m4a-alac": ("ipod", "alac"),
}
DONE = {200, 201, 202}


@dataclass
class MutationFindings:
    statuses: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)  # 5xx, or no answer
    unnamed: list[str] = field(default_factory=list)  # a refusal without a code
    slowest_s: float = 0.0


@cache
def wholes() -> dict[str, bytes]:
    """One good file of each container and codec, 1.5 s of a sample voice."""
    made = {name: container(name, VOICES[0], 1.5) for name in ENCODED}
    made |= {name: _muxed(form, codec) for name, (form, codec) in MUXED.items()}
    return made | {"flac-libsndfile": soundfile_bytes(speech(VOICES[0])[: int(1.5 * RATE_HZ), None], RATE_HZ, "FLAC")}


def _muxed(form: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    samples = (speech(VOICES[0])[None, : int(1.5 * RATE_HZ)] * 32_767).astype(np.int16)
    with av.open(buffer, "w", format=form) as out:
        stream: Any = out.add_stream(codec, rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(stream.codec_context.format.name, "mono", RATE_HZ, frame_size=size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def measure(files: int = FILES, seed: int = 0) -> Iterator[Figure]:
    begun = time.monotonic()
    found = MutationFindings()
    with (
        folder() as place,
        limited(LIMIT_BYTES) as limit,
        serving(place / "voices.db", before=limit.before) as service,
        limit.watch(service.pid),
    ):
        before = service.memory_mib()
        _attack(service, files, seed, found)
        alive = service.alive() and until(10.0, service.ready)
        after, tracebacks = service.memory_mib(), service.tracebacks()
    yield at_least("mutations: files", sum(found.statuses.values()), files)
    yield reported("mutations: containers and codecs", len(wholes()))
    counts = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
    yield reported("mutations: refused", sum(n for one, n in found.statuses.items() if one not in DONE), note=counts)
    yield at_most("mutations: 5xx or no answer", len(found.broken), note=first(found.broken))
    yield at_most("mutations: refusals without a code", len(found.unnamed), note=first(found.unnamed))
    yield at_most("mutations: unforeseen errors in the log", tracebacks)
    yield at_least("mutations: alive and ready afterwards", int(alive), 1)
    yield at_most("mutations: processes ended for memory", limit.killed, note=f"limit: {limit.kind} of 1 GiB")
    yield reported("mutations: most memory", limit.peak_bytes / 2**20, "MiB", f"{before:.0f} before, {after:.0f} after")
    yield at_most("mutations: slowest answer", found.slowest_s, SLOW_S, "s")
    yield reported("mutations: took", time.monotonic() - begun, "s")


def _attack(service: Service, files: int, seed: int, found: MutationFindings) -> None:
    with service.client() as client, ThreadPoolExecutor(CLIENTS) as pool:
        speaker = client.post(f"{GALLERY}/speakers", json={"name": "Ada"}).json()["id"]
        ways = (
            f"{GALLERY}/identify",
            f"{GALLERY}/speakers/{speaker}/utterances",
            "/v1/embeddings",
            f"{GALLERY}/recordings",
        )
        done = pool.map(lambda nth: _send(client, found, ways[nth % len(ways)], nth, seed), range(files))
        for _ in done:
            pass


def _send(client: httpx.Client, found: MutationFindings, way: str, nth: int, seed: int) -> None:
    name, data = file(nth, seed)
    what, begun = f"file {nth} ({name}) to {way.rpartition('/')[2]}", time.monotonic()
    try:
        answer = client.post(way, content=data)
    except httpx.HTTPError as error:
        found.broken.append(f"{what}: {error!r}")
        return
    found.slowest_s = max(found.slowest_s, time.monotonic() - begun)
    found.statuses[answer.status_code] += 1
    if answer.status_code >= 500:
        found.broken.append(f"{what}: {answer.status_code}")
    elif answer.is_client_error and not answer.json().get("code"):
        found.unnamed.append(f"{what}: {answer.text[:100]}")
    if answer.status_code == 202:
        client.delete(f"{way}/{answer.json()['id']}")


def file(nth: int, seed: int = 0) -> tuple[str, bytes]:
    """The `nth` damaged file, the same in every run, and the container it was made of."""
    names = sorted(wholes())
    rng = random.Random(f"{seed}/{nth}")
    name = names[(nth // 4) % len(names)]  # every container meets each of the four ways
    return name, damaged(rng, wholes()[name], tuple(wholes().values()))
