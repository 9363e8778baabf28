"""From the bytes of a recording to one embedding: the first step of enroll, identify and verify, all of embed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from speakerid.audio.limits import Channel
from speakerid.audio.prepare import CleanSpeech, excerpt
from speakerid.errors import NotEnoughSpeech
from speakerid.services.engine import Engine
from speakerid.services.index_sync import NO_NEIGHBORS, Neighbors
from speakerid.types import Embedding, FloatArray, Speech


@dataclass(frozen=True)
class Probe:
    """One prepared utterance. `embedding (dim,)` is None when it holds less speech than is needed."""

    sha256: str  # of the bytes; another one for each channel that was picked of them
    speech: Speech
    embedding: FloatArray | None
    needed_s: float
    audio: bytes = field(repr=False)
    # Only for enrollment, see `services.coach`:
    voices_llr: float | None = None  # "two speakers" to "one speaker"; None with too little speech
    near: Neighbors = NO_NEIGHBORS  # speakers who sound alike

    @property
    def shortage(self) -> str:
        return f"Found {self.speech.seconds:.2f} s of speech; {self.needed_s:.2f} s are needed."

    def require(self) -> FloatArray:
        """The embedding. Raises NotEnoughSpeech."""
        if self.embedding is None:
            raise NotEnoughSpeech(self.speech.seconds, self.needed_s)
        return self.embedding


def prepare_probe(engine: Engine, audio: bytes, *, min_speech_s: float, channel: Channel = "mix") -> Probe:
    """Decode, find the speech, embed it when there is enough. Raises AudioError for unusable bytes, Overloaded."""
    clean = engine.preparer.prepare(audio, channel=channel)
    return probe_of_speech(engine, audio, clean, min_speech_s=min_speech_s, channel=channel)


def probe_of_speech(
    engine: Engine, audio: bytes, clean: CleanSpeech, *, min_speech_s: float, channel: Channel = "mix"
) -> Probe:
    """The same when the speech in `audio` was found before. Of long speech an excerpt is embedded."""
    needed_s = max(min_speech_s, engine.encoder.min_samples / engine.encoder.sample_rate_hz)
    enough = clean.speech.seconds >= needed_s
    return Probe(
        sha256=_digest(audio, channel),
        speech=clean.speech,
        embedding=engine.encoder.embed([excerpt(clean.samples)])[0] if enough else None,
        needed_s=needed_s,
        audio=audio,
    )


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
        tuple(vector.tolist()), len(vector), engine.encoder_label, engine.encoder.fingerprint, probe.speech
    )
