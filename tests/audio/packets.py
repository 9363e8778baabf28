"""Audio as it arrives live: Opus packets, and files written while they are read."""

from __future__ import annotations

from typing import Any

import av
import numpy as np

from speakerid.types import FloatArray

OPUS_HZ = 48_000


def opus_packets(voice: FloatArray, channels: int = 1) -> list[bytes]:
    """Of 20 ms each; `voice (n,)` at 48 kHz, the same in every channel."""
    layout = "mono" if channels == 1 else "stereo"
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = OPUS_HZ, layout, "s16"
    encoder.open()
    pcm = np.repeat((voice * 32_767.0).astype(np.int16), channels).reshape(1, -1)
    size = encoder.frame_size
    packets: list[bytes] = []
    for nth in range(len(voice) // size):
        part = np.ascontiguousarray(pcm[:, nth * size * channels : (nth + 1) * size * channels])
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
        frame.sample_rate, frame.pts = OPUS_HZ, nth * size
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
