"""The sample voices as bytes: real synthesized speech, the smallest complete cast for a test."""

from __future__ import annotations

from functools import cache

from speakerid import samples

# Two voices far apart under the fake encoder.
ADA = "flite-slt"
BEN = "festival-mv"


@cache
def utterance(voice: str, number: int = 0) -> bytes:
    """An enrollment utterance, 6 to 8 s; there are three of each voice."""
    return samples.voices()[voice].enroll[number].read_bytes()


@cache
def probe(voice: str, number: int = 0) -> bytes:
    """Another recording of the same voice, 5 to 6 s; there are two of each."""
    return samples.voices()[voice].probes[number].read_bytes()


@cache
def stranger(number: int = 0) -> bytes:
    return samples.stranger()[number].read_bytes()


@cache
def silence() -> bytes:
    return samples.silence().read_bytes()
