"""Which label? A recording asked of classifiers: commands, languages, moods, own labels."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from speakerid.audio.conditioning import high_pass
from speakerid.audio.limits import Channel
from speakerid.classification.classifier import answer
from speakerid.errors import SpeakeridError
from speakerid.services.engine import Engine
from speakerid.types import Classification, ClassifierDetails, FloatArray

logger = logging.getLogger(__name__)


def classify(engine: Engine, name: str, audio: bytes, *, top_k: int = 5, channel: Channel = "mix") -> Classification:
    """The labels of one recording, or of one of its channels. Raises ClassifierError, AudioError, Overloaded."""
    asked, queue, lost = engine.classifiers.get(name), engine.classifiers.queue, list[float]()
    with queue.place():
        waveform = high_pass(engine.decode(audio, channel=channel, lost=lost.append))
        with queue.turn():
            return answer(asked, waveform, top_k, round(sum(lost, 0.0), 2))


def names(given: str | Iterable[str]) -> tuple[str, ...]:
    """Each once; a text has commas between them."""
    several = given.split(",") if isinstance(given, str) else given
    return tuple(dict.fromkeys(one.strip() for one in several if one.strip()))


def classes(engine: Engine, asked: Iterable[str], samples: FloatArray, top_k: int) -> tuple[Classification, ...]:
    """What each of them says of `samples (n,)` at 16 kHz, as decoded. For who has a place in the classifiers' queue.

    Raises ClassifierError, Overloaded.
    """
    waveform = high_pass(samples)
    with engine.classifiers.queue.turn():
        return tuple(answer(engine.classifiers.get(name), waveform, top_k) for name in asked)


def listed(engine: Engine) -> tuple[ClassifierDetails, ...]:
    """Every classifier that can be asked; the log says, once, why one of the folder cannot."""
    found = []
    for name in engine.classifiers.names():
        try:
            found.append(engine.classifiers.get(name).details)
        except SpeakeridError as error:  # its backbone may be any encoder
            if engine.classifiers.is_news(name, str(error)):
                logger.warning("classifier %s is left out: %s", name, error)
    return tuple(found)
