"""The audio classification contract: labels with scores that sum to one, from a classifier or from a whole gallery."""

from __future__ import annotations

from collections import Counter

from speakerid.audio.limits import Channel
from speakerid.classification.heads import UNKNOWN
from speakerid.db.models import GalleryRow
from speakerid.errors import NotEnoughSpeech
from speakerid.services import classify
from speakerid.services.engine import Engine
from speakerid.services.identify import TOP_K_LIMIT, identify
from speakerid.services.probe import needed_s
from speakerid.types import Candidate, Identification, LabelScore


def of_classifier(
    engine: Engine, name: str, audio: bytes, *, top_k: int, channel: Channel = "mix"
) -> tuple[LabelScore, ...]:
    """Best first. Raises what `classify` raises."""
    return classify.classify(engine, name, audio, top_k=top_k, channel=channel).scores


def of_gallery(
    engine: Engine, gallery: GalleryRow, audio: bytes, *, top_k: int, channel: Channel = "mix"
) -> tuple[LabelScore, ...]:
    """Names of speakers and `unknown`, best first. Raises NotEnoughSpeech and what `identify` raises."""
    found = identify(engine, gallery, audio, top_k=TOP_K_LIMIT, channel=channel)
    if found.decision == "not_enough_speech":
        raise NotEnoughSpeech(found.speech.seconds, needed_s(engine, gallery.min_speech_s))
    return speakers_and_unknown(found)[:top_k]


def speakers_and_unknown(found: Identification) -> tuple[LabelScore, ...]:
    """The candidates' probabilities and what they leave, best first.

    A name comes first exactly when it is accepted. Otherwise `unknown` does, also where two are too close to call;
    then, and where many are alike, all are scaled down to sum to one.
    """
    likely = [one.probability for one in found.candidates]
    left = 1.0 - (sum(likely) if found.decision == "accept" else max(likely, default=0.0))
    scores = [*likely, max(0.0, left)]
    total = sum(scores)
    labeled = [LabelScore(label, score / total) for label, score in zip(_labels(found.candidates), scores, strict=True)]
    return tuple(sorted(labeled, key=lambda one: -one.score))


def _labels(candidates: tuple[Candidate, ...]) -> list[str]:
    """Their names and `unknown`; a name that is not unique gets the speaker's id beside it."""
    times = Counter([UNKNOWN, *(one.speaker.name for one in candidates)])
    names = [
        one.speaker.name if times[one.speaker.name] == 1 else f"{one.speaker.name} ({one.speaker.id})"
        for one in candidates
    ]
    return [*names, UNKNOWN]
