"""From the bytes of a recording to one embedding: the first step of enroll, identify and verify, all of embed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from speakerid.audio.decode import FAINT, CleanSpeech, OnLost, Preparer, excerpt, speech_windows, unused
from speakerid.audio.fingerprint import fingerprint
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel
from speakerid.errors import NotEnoughSpeech
from speakerid.errors.refusals import rounded_down
from speakerid.services.neighbors import Neighbors
from speakerid.types import AudioWarning, Embedding, FloatArray, Speech

if TYPE_CHECKING:  # what an encoder process does without
    from speakerid.encoders.base import Encoder
    from speakerid.scoring.coach import CoachLimits
    from speakerid.services.engine import Engine

WINDOWS_AT_ONCE = 16  # so that one long recording does not fill the encoder's queue


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
    near: Neighbors | None = None  # speakers who sound alike
    fingerprint: bytes = field(default=b"", repr=False)  # of the take, whatever its encoding

    @property
    def shortage(self) -> str:
        return (
            f"Found {rounded_down(self.speech.seconds)} s of speech; {self.needed_s:.2f} s are needed.{self.too_faint}"
        )

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


@dataclass(frozen=True)
class ProbeOptions:
    """What is wanted of a recording besides its speech's figures."""

    needed_s: float  # of speech, for an embedding
    channel: Channel = "mix"
    windows: bool = False  # embeddings of windows of it, which tell whether two speak
    fingerprint: bool = False  # of the take
    samples: bool = False  # what was decoded
    background: bool = False  # by an encoder of this process: when no request waits for it


@dataclass(frozen=True, eq=False)
class EmbeddedUtterance:
    """What decoding, voice activity and an encoder make of a recording. A process of its own may have made it."""

    seconds: float  # decoded
    speech: Speech
    lost_s: float  # of the file, which cannot be decoded
    peak: float  # of full scale
    fingerprint: bytes = b""
    embedding: FloatArray | None = None  # (dim,)
    windows: FloatArray | None = None  # (n, dim), n > 1
    samples: FloatArray | None = None  # (n,) at 16 kHz


Embed = Callable[[Sequence[FloatArray]], FloatArray]  # as Encoder.embed


class Decode(Protocol):
    """As Preparer.decode."""

    def __call__(self, audio: bytes, *, channel: Channel, lost: OnLost) -> FloatArray: ...


def embed_speech(
    preparer: Preparer, embed: Embed, audio: bytes, options: ProbeOptions, decode: Decode | None = None
) -> EmbeddedUtterance:
    """Decode, find the speech, embed it when there is enough; of long speech an excerpt.

    `decode`: instead of the preparer's, for who counts what was decoded before it is embedded. Raises AudioError for
    unusable bytes, and what `embed` and `decode` raise.
    """
    lost: list[float] = []
    samples = (decode or preparer.decode)(audio, channel=options.channel, lost=lost.append)
    clean = preparer.clean(samples, round(sum(lost, 0.0), 2))
    return EmbeddedUtterance(
        seconds=len(samples) / SAMPLE_RATE_HZ,
        speech=clean.speech,
        lost_s=clean.lost_s,
        peak=clean.peak,
        embedding=embed([excerpt(clean.samples)])[0] if clean.speech.seconds >= options.needed_s else None,
        windows=_windows(embed, clean.samples) if options.windows else None,
        fingerprint=_take(samples, clean) if options.fingerprint else b"",
        samples=samples if options.samples else None,
    )


def _windows(embed: Embed, speech: FloatArray) -> FloatArray | None:
    windows = speech_windows(speech)
    if len(windows) < 2:
        return None
    batches = [windows[start : start + WINDOWS_AT_ONCE] for start in range(0, len(windows), WINDOWS_AT_ONCE)]
    return np.concatenate([embed(batch) for batch in batches])


def _take(samples: FloatArray, clean: CleanSpeech) -> bytes:
    return fingerprint(samples[clean.segments[0][0] : clean.segments[-1][1]]) if clean.segments else b""


class Listener(Protocol):
    """What makes probes: an engine, or what a machine without the store has of one (cluster/)."""

    @property
    def encoder(self) -> Encoder: ...

    @property
    def limits(self) -> CoachLimits: ...

    def embedded(self, audio: bytes, options: ProbeOptions) -> EmbeddedUtterance:
        """As `Engine.embedded`."""


def prepare_probe(
    engine: Listener,
    audio: bytes,
    *,
    min_speech_s: float,
    channel: Channel = "mix",
    also: Callable[[FloatArray], None] = unused,
    background: bool = False,
) -> Probe:
    """Decode, find the speech, embed it when there is enough. Raises AudioError for unusable bytes, Overloaded.

    `also` gets what was decoded, `(n,)` at 16 kHz, for others who want to hear it. Raises KeyQuotaReached.
    `background`: embedded when no request waits for the encoder.
    """
    needed = needed_s(engine, min_speech_s)
    options = ProbeOptions(needed, channel, samples=also is not unused, background=background)
    found = engine.embedded(audio, options)
    if found.samples is not None:
        also(found.samples)
    return probe_of(audio, found, options)


def probe_of(audio: bytes, found: EmbeddedUtterance, options: ProbeOptions) -> Probe:
    """Of `audio`, in which that was found."""
    return Probe(
        sha256=_digest(audio, options.channel),
        speech=found.speech,
        embedding=found.embedding,
        needed_s=options.needed_s,
        audio=audio,
        lost_s=found.lost_s,
        peak=found.peak,
        fingerprint=found.fingerprint,
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
