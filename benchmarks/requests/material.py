"""What identify requests are measured with: made-up speakers, and 3 s of sample voices in several formats."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from benchmarks.enrolled_rows import speaker_row, utterance_row
from speakerid import samples
from speakerid.audio.decode import decode
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.bootstrap import build_engine
from speakerid.db.repositories import galleries, moving
from speakerid.settings import Settings
from speakerid.types import FloatArray

SECONDS = 3
SPEAKERS = 10_000
AT_ONCE = 2_000
VARIANTS = 20
FILMS_HZ, MUSIC_HZ = 48_000, 44_100


def fill(store: Path, count: int = SPEAKERS) -> None:
    """A store whose default gallery has `count` speakers with one utterance each."""
    engine = build_engine(Settings(store=str(store), encoder="bundled"))
    random = np.random.default_rng(0)
    with engine.write() as db:
        gallery = galleries.get(db, "default")
        for start in range(0, count, AT_ONCE):
            vectors = random.standard_normal((min(AT_ONCE, count - start), engine.encoder.dim)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            rows = [speaker_row(gallery, start + nth, one) for nth, one in enumerate(vectors)]
            keys = moving.add_speakers(db, rows)
            moving.add_utterances(
                db, [utterance_row(gallery, key, one) for key, one in zip(keys, vectors, strict=True)]
            )
    engine.close()


def recordings() -> dict[str, list[bytes]]:
    """By format, the same VARIANTS: each has other speakers near, so that nothing of one request serves the next."""
    found: dict[str, list[bytes]] = {}
    for speech in speech_of_samples():
        for name, audio in _formats(speech).items():
            found.setdefault(name, []).append(audio)
    return found


def speech_of_samples() -> Iterator[FloatArray]:
    """3 s each, at 16 kHz."""
    files = [file for voice in samples.voices().values() for file in voice.probes]
    for nth in range(VARIANTS):
        whole, start = decode(files[nth % len(files)].read_bytes()), nth * SAMPLE_RATE_HZ // VARIANTS
        yield whole[start : start + SECONDS * SAMPLE_RATE_HZ]


def _formats(speech: FloatArray) -> dict[str, bytes]:
    film, music = (soxr.resample(speech, SAMPLE_RATE_HZ, rate_hz) for rate_hz in (FILMS_HZ, MUSIC_HZ))
    return {
        "WAV 16 kHz": _written(speech, SAMPLE_RATE_HZ, "WAV", "PCM_16"),
        "WAV 48 kHz stereo": _written(np.stack([film, film], axis=1), FILMS_HZ, "WAV", "PCM_16"),
        "FLAC 16 kHz": _written(speech, SAMPLE_RATE_HZ, "FLAC", "PCM_16"),
        "Opus": _written(film, FILMS_HZ, "OGG", "OPUS"),
        "MP3 44.1 kHz": _written(music, MUSIC_HZ, "MP3", "MPEG_LAYER_III"),
        "M4A 44.1 kHz": _m4a(music, MUSIC_HZ),
    }


def _written(frames: FloatArray, rate_hz: int, kind: str, subtype: str) -> bytes:
    file = BytesIO()
    soundfile.write(file, frames, rate_hz, format=kind, subtype=subtype)
    return file.getvalue()


def _m4a(mono: FloatArray, rate_hz: int) -> bytes:
    file = BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(mono[np.newaxis].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()
