"""From the bytes of a recording to one embedding: the first step of enroll, identify and verify, all of embed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from speakerid.audio.decode import FAINT, CleanSpeech, OnLost, Preparer, excerpt, unused
from speakerid.audio.limits import Channel
from speakerid.encoders.base import Encoder
from speakerid.errors import NotEnoughSpeech
from speakerid.scoring.coach import CoachLimits
from speakerid.services.engine import Engine
from speakerid.services.index_sync import NO_NEIGHBORS, Neighbors
from speakerid.types import AudioWarning, Embedding, FloatArray, Speech


class Listener(Protocol):
    """What makes probes: an engine, or what a machine without the store has of one (cluster/)."""

    @property
    def encoder(self) -> Encoder: ...

    @property
    def preparer(self) -> Preparer: ...

    @property
    def limits(self) -> CoachLimits: ...

    def decode(self, audio: bytes, *, channel: Channel, lost: OnLost) -> FloatArray:
        """As `Engine.decode`."""


@dataclass(frozen=True)
class Probe:
    """One prepared utterance. `embedding (dim,)` is None when it holds less speech than is needed."""

    sha256: str  # of the bytes; another one for each channel that was picked of them
    speech: Speech
    embedding: FloatArray | None
    needed_s: float
    audio: bytes = field(repr=False)
    lost_s: float = 0.0  # of the file, which cannot be decoded
    peak: float = 1.0  # of full scale
    # Only for enrollment, see `services.coach`:
    voices_llr: float | None = None  # "two speakers" to "one speaker"; None with too little speech
    near: Neighbors = NO_NEIGHBORS  # speakers who sound alike
    fingerprint: bytes = field(default=b"", repr=False)  # of the take, whatever its encoding

    @property
    def shortage(self) -> str:
        return f"Found {self.speech.seconds:.2f} s of speech; {self.needed_s:.2f} s are needed.{self.too_faint}"

    @property
    def too_faint(self) -> str:
        """A sentence about a level at which there is no speech; empty for any other, and for no sound at all."""
        if not 0.0 < self.peak <= FAINT:
            return ""
        return (
            f" The audio is almost silent, its peak {-20 * math.log10(self.peak):.0f} dB below full scale: record at a "
            "higher level, or scale samples of floats to -1..1."
        )

    @property
    def warnings(self) -> tuple[AudioWarning, ...]:
        return ("audio_lost",) if self.lost_s else ()

    def require(self) -> FloatArray:
        """The embedding. Raises NotEnoughSpeech."""
        if self.embedding is None:
            raise NotEnoughSpeech(self.speech.seconds, self.needed_s, self.too_faint)
        return self.embedding


def prepare_probe(
    engine: Listener,
    audio: bytes,
    *,
    min_speech_s: float,
    channel: Channel = "mix",
    also: Callable[[FloatArray], None] = unused,
) -> Probe:
    """Decode, find the speech, embed it when there is enough. Raises AudioError for unusable bytes, Overloaded.

    `also` gets what was decoded, `(n,)` at 16 kHz, for others who want to hear it. Raises KeyQuotaReached.
    """
    lost: list[float] = []
    samples = engine.decode(audio, channel=channel, lost=lost.append)
    also(samples)
    clean = engine.preparer.clean(samples, round(sum(lost, 0.0), 2))
    return probe_of_speech(engine, audio, clean, min_speech_s=min_speech_s, channel=channel)


def probe_of_speech(
    engine: Listener, audio: bytes, clean: CleanSpeech, *, min_speech_s: float, channel: Channel = "mix"
) -> Probe:
    """The same when the speech in `audio` was found before. Of long speech an excerpt is embedded."""
    needed = needed_s(engine, min_speech_s)
    enough = clean.speech.seconds >= needed
    return Probe(
        sha256=_digest(audio, channel),
        speech=clean.speech,
        embedding=engine.encoder.embed([excerpt(clean.samples)])[0] if enough else None,
        needed_s=needed,
        audio=audio,
        lost_s=clean.lost_s,
        peak=clean.peak,
    )


def needed_s(engine: Listener, min_speech_s: float) -> float:
    """Speech that an embedding needs, in a gallery that asks for `min_speech_s`."""
    return max(min_speech_s, engine.encoder.min_samples / engine.encoder.sample_rate_hz)


def _digest(audio: bytes, channel: Channel) -> str:
    found = hashlib.sha256(audio)
    if channel != "mix":
        found.update(f"\nchannel {channel}".encode())
    return found.hexdigest()


def embed(engine: Engine, audio: bytes, channel: Channel = "mix") -> Embedding:
    """One embedding for other uses: nothing is compared, nothing kept.

    Raises AudioError, NotEnoughSpeech, Overloaded.
    """
    probe = prepare_probe(engine, audio, min_speech_s=0.0, channel=channel)
    vector = probe.require()
    return Embedding(
        tuple(vector.tolist()),
        len(vector),
        engine.encoder_label,
        engine.encoder.fingerprint,
        probe.speech,
        probe.warnings,
        probe.lost_s,
    )
