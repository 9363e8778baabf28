"""Domains through encoders, by the product's own path from file to clean speech; each file is decoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from speakerid.audio.excerpt import excerpt
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.audio.windows import speech_windows
from speakerid.calibration.domains import Domain, DomainUtterance
from speakerid.calibration.labeled_domain import Indices, LabeledDomain
from speakerid.encoders.base import Encoder
from speakerid.encoders.concatenated import ConcatenatedEncoder
from speakerid.errors import AudioError, CalibrationMissing, FileMissing
from speakerid.types import FloatArray

MIN_SPEECH_S = 1.0  # what a gallery asks for by default
WITH_WINDOWS = 150  # utterances of a domain whose windows are embedded too, alike for every speaker, but at least
LEAST_WITH_WINDOWS = 2

Progress = Callable[[int, int], None]  # speakers done, of how many
Bars = Callable[[str], Progress]  # one for each domain


@dataclass(frozen=True)
class EmbeddedDomain:
    """One domain, through each encoder."""

    labeled: tuple[LabeledDomain, ...]
    too_short: int  # utterances with less than a second of speech
    unreadable: int  # recordings


@dataclass(frozen=True)
class _Spoken:
    utterance: DomainUtterance
    speech: FloatArray  # (n,) at 16 kHz, without pauses
    windows: list[FloatArray]


@dataclass
class _DomainReader:
    """Utterances with enough speech; counts what it leaves out."""

    domain: Domain
    too_short: int = 0
    unreadable: int = 0
    _preparer: Preparer = field(default_factory=lambda: Preparer(SileroVad()))

    def spoken(self, speaker: str) -> Iterator[_Spoken]:
        windowed = max(LEAST_WITH_WINDOWS, WITH_WINDOWS // len(self.domain.speakers))
        utterances = islice(self._utterances(speaker), self.domain.most_utterances)
        for number, (utterance, speech) in enumerate(self._long_enough(utterances)):
            yield _Spoken(utterance, speech, speech_windows(speech) if number < windowed else [])

    def _utterances(self, speaker: str) -> Iterator[DomainUtterance]:
        for take in self.domain.takes_of(speaker):
            try:
                yield from self.domain.utterances(take, self._preparer.decode)
            except (AudioError, FileMissing):
                self.unreadable += 1

    def _long_enough(self, utterances: Iterator[DomainUtterance]) -> Iterator[tuple[DomainUtterance, FloatArray]]:
        for one in utterances:
            clean = self._preparer.clean(one.samples)
            if clean.speech.seconds >= MIN_SPEECH_S:
                yield one, clean.samples
            else:
                self.too_short += 1


@dataclass
class _Rows:
    """What one encoder makes of a domain."""

    encoder: Encoder
    embeddings: list[FloatArray] = field(default_factory=list)
    windows: dict[int, FloatArray] = field(default_factory=dict)

    def add(self, spoken: _Spoken) -> None:
        if len(spoken.windows) > 1:
            self.windows[len(self.embeddings)] = self.encoder.embed(spoken.windows)
        self.embeddings.append(self.encoder.embed([excerpt(spoken.speech)])[0])


def embed_domain(domain: Domain, encoders: Sequence[Encoder], progress: Progress) -> EmbeddedDomain:
    """Raises CalibrationMissing for no speech, EncoderFailed."""
    bases = {base.fingerprint: _Rows(base) for encoder in encoders for base in _bases(encoder)}
    reader, kept, seconds = _DomainReader(domain), list[DomainUtterance](), list[float]()
    for done, speaker in enumerate(domain.speakers):
        progress(done, len(domain.speakers))
        for spoken in reader.spoken(speaker):
            kept.append(spoken.utterance)
            seconds.append(len(spoken.speech) / SAMPLE_RATE_HZ)
            for rows in bases.values():
                rows.add(spoken)
    progress(len(domain.speakers), len(domain.speakers))
    if not kept:
        raise CalibrationMissing(f"No recording in {domain.name!r} has a second of speech. Give longer ones.")
    labels = (
        _numbers([one.speaker for one in kept]),
        _numbers([f"{one.speaker}/{one.session}" for one in kept]),
        np.array(seconds),
    )
    made = [_of(encoder, bases) for encoder in encoders]
    labeled = tuple(LabeledDomain(domain.name, np.stack(rows.embeddings), *labels, rows.windows) for rows in made)
    return EmbeddedDomain(labeled, reader.too_short, reader.unreadable)


def _bases(encoder: Encoder) -> list[Encoder]:
    """What runs: several encoders as one share their parts with others."""
    return [part.encoder for part in encoder.parts] if isinstance(encoder, ConcatenatedEncoder) else [encoder]


def _of(encoder: Encoder, bases: dict[str, _Rows]) -> _Rows:
    if not isinstance(encoder, ConcatenatedEncoder):
        return bases[encoder.fingerprint]
    parts = [bases[part.encoder.fingerprint] for part in encoder.parts]
    embeddings = encoder.join([np.stack(rows.embeddings) for rows in parts])
    windows = {at: encoder.join([rows.windows[at] for rows in parts]) for at in parts[0].windows}
    return _Rows(encoder, list(embeddings), windows)


def _numbers(names: Sequence[str]) -> Indices:
    """(n,): equal numbers for equal names."""
    return np.unique(names, return_inverse=True)[1].astype(np.intp)
