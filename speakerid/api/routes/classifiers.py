"""Classifiers: which there are, and the labels that one gives to a recording."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from speakerid.api.auth import guarded
from speakerid.api.examples import ok
from speakerid.api.parameters import ChannelDep, EngineDep, StrictRoute
from speakerid.api.upload import AUDIO_BODY, AudioDep
from speakerid.services import classify
from speakerid.types import Classification, ClassifierDetails, LabelScore

router = APIRouter(prefix="/v1/classifiers", tags=["classifiers"], route_class=StrictRoute)
TopLabels = Annotated[int, Query(ge=1, le=1000, description="Most labels in the answer.")]
EXAMPLE = Classification(
    classifier="commands",
    label="lights on",
    threshold=0.62,
    scores=(LabelScore("lights on", 0.94), LabelScore("unknown", 0.05), LabelScore("lights off", 0.01)),
    seconds=1.2,
)


class ClassifierList(BaseModel):
    items: tuple[ClassifierDetails, ...]


def classifier_of(engine: EngineDep, classifier: Annotated[str, Path(examples=["commands"], max_length=64)]) -> str:
    """The name of one that is there: others are refused before a body is read. Raises ClassifierError."""
    engine.classifiers.get(classifier)
    return classifier


ClassifierDep = Annotated[str, Depends(classifier_of)]


@router.get("", **guarded("read", errors=()))
def list_classifiers(engine: EngineDep) -> ClassifierList:
    """Every classifier that the server has, with its labels and its figures."""
    return ClassifierList(items=classify.listed(engine))


@router.get("/{classifier}", **guarded("read"))
def get_classifier(engine: EngineDep, classifier: ClassifierDep) -> ClassifierDetails:
    """One classifier's labels, where it comes from and how well it did on speakers who were held out."""
    return engine.classifiers.get(classifier).details


@router.post(
    "/{classifier}/classify",
    openapi_extra=AUDIO_BODY,
    **guarded("identify", errors=(404, 413, 415, 429), also=ok(EXAMPLE)),
)
def classify_recording(
    engine: EngineDep, classifier: ClassifierDep, channel: ChannelDep, audio: AudioDep, top_k: TopLabels = 5
) -> Classification:
    """The labels of one recording, best first. `label` is null where none of them reaches the threshold."""
    return classify.classify(engine, classifier, audio, top_k=top_k, channel=channel)
