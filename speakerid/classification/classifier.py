"""Classifiers: a backbone and a head with a card, kept as a directory, or any ONNX graph that gives probabilities."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.classification.backbones import Backbone, filled_up, filter_banks
from speakerid.classification.forward_queue import ForwardQueue
from speakerid.classification.heads import Head, Wide, softmax
from speakerid.classification.training_digests import NONE, Digests, read_digests, write_digests
from speakerid.encoders.registry import HUB_NAME
from speakerid.errors import BackboneNotFound, ClassifierFailed, ClassifierNotFound, ClassifierUnreadable
from speakerid.errors.extras import require
from speakerid.onnx_session import InferenceSession, open_session
from speakerid.types import Classification, ClassifierDetails, FloatArray, LabelScore
from speakerid.whole_files import write_whole

CARD, HEAD = "card.json", "head.npz"
GRAPH, GRAPH_CARD = "model.onnx", "model.json"  # a classifier that was made elsewhere, or with a backbone of its own
SHIPPED = Path(__file__).parent / "shipped"  # made by recipes/
NAME = re.compile(r"\w[\w.-]{0,63}")  # leads to nowhere but one folder below
LONGEST_SAMPLES = 30 * SAMPLE_RATE_HZ  # that a model hears at once; what attention needs grows with the square
NO_LICENSE = "not stated"
FRONT_ENDS = {"waveform": filled_up, "kaldi_fbank_80": filter_banks}
EXAMPLE = '{"labels": ["yes", "no"], "front_end": "waveform"}'
LoadBackbone = Callable[[str], Backbone]  # raises BackboneNotFound


class Classifier(Protocol):
    """Safe to share between threads."""

    @property
    def details(self) -> ClassifierDetails: ...

    def probabilities(self, waveform: FloatArray) -> Wide:
        """`(samples,)` at 16 kHz without DC and rumble -> `(labels,)`."""


@dataclass(frozen=True)
class ClassifierCard:
    """What the head's numbers do not say. `figures` were measured with speakers held out."""

    name: str
    backbone: str
    backbone_fingerprint: str
    trained_on: str = ""
    license: str = NO_LICENSE
    figures: dict[str, float] | None = None
    window_s: float | None = None  # of the recordings it was trained on, the median: what a stream is asked by
    spotting_threshold: float | None = None  # what a word must reach in a stream; None: the head's threshold


@dataclass(frozen=True, eq=False)
class TrainedClassifier:
    """A head that was trained here, on a backbone."""

    card: ClassifierCard
    head: Head
    backbone: Backbone
    digests: Digests = NONE  # of the recordings that it learned from

    @property
    def details(self) -> ClassifierDetails:
        return ClassifierDetails(
            name=self.card.name,
            labels=self.head.labels,
            backbone=self.card.backbone,
            fingerprint=hashlib.sha256((self.backbone.fingerprint + self.head.fingerprint).encode()).hexdigest(),
            threshold=self.head.threshold,
            trained_on=self.card.trained_on,
            license=self.card.license,
            window_s=self.card.window_s,
            spotting_threshold=self.card.spotting_threshold,
            figures=self.card.figures or {},
        )

    def probabilities(self, waveform: FloatArray) -> Wide:
        return self.head.probabilities(self.backbone.features(waveform))

    def save(self, folder: Path) -> None:
        """The head last: where it is, all is. A graph that had this place goes. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        card, head = (json.dumps(asdict(self.card), indent=2) + "\n").encode(), self.head.to_bytes()
        write_digests(folder, self.digests)
        write_whole(folder / CARD, lambda out: out.write(card))
        write_whole(folder / HEAD, lambda out: out.write(head))
        for name in (GRAPH, GRAPH_CARD):
            (folder / name).unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path, load_backbone: LoadBackbone) -> TrainedClassifier:
        """Raises ClassifierUnreadable, BackboneNotFound."""
        try:
            card = _card(json.loads((folder / CARD).read_text(encoding="utf-8")))
            head = Head.from_bytes((folder / HEAD).read_bytes())
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise ClassifierUnreadable(
                f"The classifier in {folder} cannot be read ({error}). Train it again."
            ) from error
        backbone = load_backbone(card.backbone)
        if backbone.fingerprint != card.backbone_fingerprint:
            raise ClassifierUnreadable(
                f"The classifier in {folder} was trained with another {card.backbone} than the one that is here. "
                "Train it again."
            )
        return cls(card, head, backbone, read_digests(folder))


def _card(entries: dict[str, Any]) -> ClassifierCard:
    return ClassifierCard(**{one.name: entries[one.name] for one in fields(ClassifierCard) if one.name in entries})


@dataclass(frozen=True, eq=False)
class OnnxClassifier:
    """A graph from a waveform or filter banks to one logit or probability for each label of its card."""

    details: ClassifierDetails
    front_end: Callable[[FloatArray], FloatArray]
    session: InferenceSession
    digests: Digests = NONE  # of the recordings that it learned from

    def probabilities(self, waveform: FloatArray) -> Wide:
        inputs = self.front_end(waveform)[np.newaxis]
        return as_probabilities(self.session.run(None, {self.session.get_inputs()[0].name: inputs})[0], self.details)

    @classmethod
    def load(cls, path: Path) -> OnnxClassifier:
        """`path` is the graph; a card of the same name with `.json` has its `labels`. Raises ClassifierUnreadable."""
        card_path = path.with_suffix(".json")
        try:
            card, graph = json.loads(card_path.read_text(encoding="utf-8")), path.read_bytes()
            front_end, session = FRONT_ENDS[card.get("front_end", "waveform")], open_session(graph)
            details = _details(card, path.stem, hashlib.sha256(graph).hexdigest())
        except Exception as error:  # onnxruntime's own classes share no other base
            raise ClassifierUnreadable(
                f"{path} with its card {card_path} cannot be read ({error}). The card is JSON such as {EXAMPLE}."
            ) from error
        return cls(details, front_end, session, read_digests(path.parent))


def _details(card: dict[str, Any], name: str, fingerprint: str) -> ClassifierDetails:
    """Of a graph's card, in which only `labels` must be."""
    window_s, spotting = card.get("window_s"), card.get("spotting_threshold")
    return ClassifierDetails(
        name=str(card.get("name", name)),
        labels=tuple(map(str, card["labels"])),
        backbone=str(card.get("backbone", "onnx")),
        fingerprint=fingerprint,
        threshold=float(card.get("threshold", 0.0)),
        trained_on=str(card.get("trained_on", "")),
        license=str(card.get("license", NO_LICENSE)),
        window_s=None if window_s is None else float(window_s),
        spotting_threshold=None if spotting is None else float(spotting),
        figures={str(of): float(figure) for of, figure in card.get("figures", {}).items()},
    )


def as_probabilities(found: NDArray[np.floating], details: ClassifierDetails) -> Wide:
    """What a network gave, a probability, its logarithm or a logit for each label, as `(labels,)`.

    Raises ClassifierFailed.
    """
    numbers = np.asarray(found, np.float64).ravel()
    if len(numbers) != len(details.labels) or not np.isfinite(numbers).all():
        raise ClassifierFailed(f"{details.name} gave {len(numbers)} numbers for {len(details.labels)} labels.")
    sums_to_one = bool((numbers >= 0).all()) and abs(float(numbers.sum()) - 1.0) < 1e-3
    return numbers if sums_to_one else softmax(numbers)


def load_classifier(spec: str, folder: Path, load_backbone: LoadBackbone, *, run_code: bool = False) -> Classifier:
    """A name in `folder`, that of one that ships, a directory, an `.onnx` file with a card, or a hub name.

    SpeechBrain's models need its libraries (ExtraMissing), and some bring Python code of their own, which `run_code`
    allows: pass only what the operator chose, never anything that came with a request. Raises ClassifierError.
    """
    for place in (folder / spec, *_shipped(spec), Path(spec)):
        if _file_of(place) is not None:
            return _load(place, load_backbone)
    if spec.endswith(".onnx") and os.path.isfile(spec):
        return OnnxClassifier.load(Path(spec))
    if os.path.isdir(spec) or HUB_NAME.fullmatch(spec):
        return _speechbrain(spec, run_code=run_code)
    raise ClassifierNotFound(
        f"There is no classifier {spec!r}. 'speakerid classifiers list' names those that are here."
    )


def _shipped(name: str) -> tuple[Path, ...]:
    return (SHIPPED / name,) if NAME.fullmatch(name) else ()


def _speechbrain(spec: str, *, run_code: bool) -> Classifier:
    require("torch", "speechbrain")
    from speakerid.encoders.model_hub import refuse_unreachable  # comes with speechbrain

    refuse_unreachable(spec, ClassifierNotFound)
    from speakerid.classification.speechbrain import SpeechBrainClassifier  # torch: a server on ONNX never needs it

    return SpeechBrainClassifier.load(spec, run_code=run_code)


def _file_of(place: Path) -> Path | None:
    """What makes the directory `place` a classifier, and another one when it changes."""
    return next((place / name for name in (HEAD, GRAPH) if os.path.isfile(place / name)), None)


def _load(place: Path, load_backbone: LoadBackbone) -> Classifier:
    """Its name is that of its folder, whatever its card says."""
    if (place / HEAD).is_file():
        trained = TrainedClassifier.load(place, load_backbone)
        return replace(trained, card=replace(trained.card, name=place.name or trained.card.name))
    graph = OnnxClassifier.load(place / GRAPH)
    return replace(graph, details=replace(graph.details, name=place.name or graph.details.name))


def _no_backbone(name: str) -> Backbone:
    raise BackboneNotFound(f"There is no backbone {name!r}.")


class ClassifierFolder:
    """The classifiers in the folders of `folder`, by name. Each is loaded when it is asked for the first time.

    One that is trained again is loaded again. `shipped`: a folder of more, for names that `folder` does not have. Safe
    to share between threads.
    """

    def __init__(
        self,
        folder: Path | None = None,
        load_backbone: LoadBackbone = _no_backbone,
        queue: ForwardQueue | None = None,
        *,
        shipped: Path | None = None,
    ) -> None:
        self.queue = queue or ForwardQueue()  # of all who ask them about recordings
        self._folders = [one for one in (folder, shipped) if one is not None]
        self._load_backbone = cache(load_backbone)  # two classifiers may have one
        self._loaded: dict[Path, tuple[int, Classifier]] = {}  # and when its file was written, in ns
        self._lock = Lock()
        self._known_faults: dict[str, str] = {}

    def is_news(self, name: str, fault: str) -> bool:
        """Whether this is another reason than the last one why the classifier `name` cannot be used."""
        last, self._known_faults[name] = self._known_faults.get(name), fault
        return last != fault

    def names(self) -> list[str]:
        places = (one for folder in self._folders if folder.is_dir() for one in folder.iterdir())
        return sorted({one.name for one in places if NAME.fullmatch(one.name) and _file_of(one)})

    def get(self, name: str) -> Classifier:
        """`name` may come from anybody. Raises ClassifierNotFound, ClassifierUnreadable, BackboneNotFound."""
        places = [folder / name for folder in self._folders] if NAME.fullmatch(name) else []
        place, file = next(((one, file) for one in places if (file := _file_of(one))), (None, None))
        if place is None or file is None:
            raise ClassifierNotFound(
                f"There is no classifier {name[:64]!r}. Check the name: GET /v1/classifiers and 'speakerid classifiers "
                "list' say which there are."
            )
        with self._lock:
            written_ns = file.stat().st_mtime_ns
            if place not in self._loaded or self._loaded[place][0] != written_ns:
                self._loaded[place] = (written_ns, _load(place, self._load_backbone))
            return self._loaded[place][1]


def answer(classifier: Classifier, waveform: FloatArray, top_k: int, lost_s: float = 0.0) -> Classification:
    """What `classifier` says of `waveform (samples,)` at 16 kHz without DC and rumble, of which `lost_s` are missing.

    Raises ClassifierError.
    """
    details, found = classifier.details, _of_all(classifier, waveform)
    order = np.argsort(-found, kind="stable")
    best = float(found[order[0]])
    return Classification(
        classifier=details.name,
        label=details.labels[order[0]] if best >= details.threshold else None,
        threshold=details.threshold,
        scores=tuple(LabelScore(details.labels[nth], float(found[nth])) for nth in order[:top_k]),
        seconds=len(waveform) / SAMPLE_RATE_HZ,
        warnings=("audio_lost",) if lost_s else (),
        lost_seconds=lost_s,
    )


def _of_all(classifier: Classifier, waveform: FloatArray) -> Wide:
    """The mean of the probabilities of pieces of equal length, one where `waveform` is short enough."""
    pieces = np.array_split(waveform, max(1, math.ceil(len(waveform) / LONGEST_SAMPLES)))
    found: Wide = np.mean([classifier.probabilities(piece) for piece in pieces], axis=0)
    return found
