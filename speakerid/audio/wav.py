"""Samples as the bytes of a WAV file, so that arrays take the same way as files."""

from __future__ import annotations

from io import BytesIO

import soundfile

from speakerid.audio.decode import Samples, from_samples
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel, DecodeLimits


def wav_bytes(samples: Samples, limits: DecodeLimits | None = None, channel: Channel = "mix") -> bytes:
    """`(samples, rate in Hz)` as a mono float32 WAV at 16 kHz. Raises AudioError."""
    file, mono = BytesIO(), from_samples(*samples, limits=limits, channel=channel)
    soundfile.write(file, mono, SAMPLE_RATE_HZ, format="WAV", subtype="FLOAT")
    return file.getvalue()
