"""Words of a live stream, as classifiers spot them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from speakerid.audio.conditioning import HighPass
from speakerid.classification.spotting import Spotter
from speakerid.services.engine import Engine
from speakerid.types import FloatArray
from speakerid.types.live import SpottedWord


class Words:
    """One stream's, in order. For one thread at a time."""

    def __init__(self, engine: Engine, classifiers: Iterable[str]) -> None:
        """Raises ClassifierError."""
        self._spotters = {name: Spotter(engine.classifiers.get(name)) for name in classifiers}
        self._high_pass = HighPass()

    def process(self, block: FloatArray) -> Iterator[SpottedWord]:
        """The words that end in `block`, (n,) float32 at 16 kHz."""
        if not self._spotters:
            return
        filtered = self._high_pass(block)
        for name, spotter in self._spotters.items():
            for word in spotter.feed(filtered):
                yield SpottedWord(name, word.label, word.score, round(word.end_s, 3))
