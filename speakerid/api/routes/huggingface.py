"""Hugging Face's audio classification contract, as `huggingface_hub.InferenceClient` and others speak it."""

from __future__ import annotations

import base64
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from speakerid.api.auth import allow, guarded
from speakerid.api.examples import ok
from speakerid.api.parameters import ChannelDep, EngineDep, StrictRoute
from speakerid.api.upload import AUDIO_BODY, audio_of
from speakerid.audio.limits import Channel
from speakerid.db.models import GalleryRow
from speakerid.errors import ClassifierNotFound, EmptyAudio, GalleryNotFound, InvalidRequest, ScopeMissing
from speakerid.services import galleries, labels
from speakerid.services.engine import Engine
from speakerid.types import Key, LabelScore

router = APIRouter(prefix="/hf", tags=["hugging face"], route_class=StrictRoute)
Caller = Annotated[Key | None, allow("identify")]
TOP_K = 5  # where none is asked for, as in transformers' pipeline
EXAMPLE = '{"inputs": "UklGRg…", "parameters": {"top_k": 5}}'
ANSWER = [LabelScore("Ada", 0.97), LabelScore("Ben", 0.02), LabelScore("unknown", 0.01)]


class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    top_k: int | None = Field(None, ge=1, le=1000, description=f"Most labels in the answer; {TOP_K} by default.")
    function_to_apply: Literal["softmax"] | None = Field(None, description="Scores always sum to one.")


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    inputs: str = Field(description="The bytes of one audio file in base64.")
    parameters: Parameters | None = None
    options: dict[str, Any] | None = Field(None, description="What the hosted service knows; it changes nothing here.")

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Raises InvalidRequest."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "The body"
            raise InvalidRequest(
                f"{where}: {first['msg']}. Send the bytes of one audio file, or JSON such as {EXAMPLE}."
            ) from error

    @property
    def top_k(self) -> int:
        return (self.parameters and self.parameters.top_k) or TOP_K

    def audio(self) -> bytes:
        """Raises InvalidRequest."""
        try:
            return base64.b64decode(self.inputs.replace("\n", ""), validate=True)
        except ValueError as error:
            raise InvalidRequest(f"inputs: not base64 ({error}). Encode the bytes of one audio file.") from error


def _body() -> dict[str, Any]:
    """What is documented: audio as everywhere, or JSON."""
    schema, audio = Inputs.model_json_schema(), AUDIO_BODY["requestBody"]
    schema["properties"]["parameters"] = {"anyOf": [schema.pop("$defs")["Parameters"], {"type": "null"}]}
    return {"requestBody": {**audio, "content": {**audio["content"], "application/json": {"schema": schema}}}}


def target_of(
    engine: EngineDep, name: Annotated[str, Path(examples=["default"], max_length=64)], key: Caller
) -> GalleryRow | str:
    """The gallery of this name, or else the name of a classifier. Raises ClassifierError, ScopeMissing.

    For a key that is bound to galleries there are no others: no answer tells whether one is there.
    """
    outside = key is not None and key.galleries and name not in key.galleries
    with suppress(GalleryNotFound):
        if not outside:
            return galleries.get(engine, name)
    try:
        engine.classifiers.get(name)
    except ClassifierNotFound as error:
        if outside:
            raise ScopeMissing("identify") from error
        raise ClassifierNotFound(
            f"There is no gallery and no classifier {name!r}. Check the name: GET /v1/galleries and /v1/classifiers "
            "say which there are."
        ) from error
    return name


async def sent_of(request: Request) -> bytes:
    """The body, or the file of a form. Raises EmptyAudio, InvalidRequest."""
    form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    body = await audio_of(request) if form else await request.body()
    if not body:
        raise EmptyAudio
    return body


ROUTE: dict[str, Any] = {"openapi_extra": _body()} | guarded(
    "identify", errors=(404, 409, 413, 415, 429), also=ok(ANSWER)
)


@router.post("/{name}", **ROUTE)
@router.post("/models/{name}", **ROUTE)
def audio_classification(
    engine: EngineDep,
    target: Annotated[GalleryRow | str, Depends(target_of)],
    channel: ChannelDep,
    sent: Annotated[bytes, Depends(sent_of)],
) -> tuple[LabelScore, ...]:
    """Labels with scores that sum to one, best first: of a gallery its speakers and `unknown`, or of a classifier.

    `name` is a gallery or, where no gallery has it, a classifier. A speaker comes first exactly when `identify`
    accepts. The body is an audio file, or JSON as `huggingface_hub.InferenceClient.audio_classification` sends it.
    """
    if not sent[:64].lstrip().startswith(b"{"):  # no audio file does
        return _labels(engine, target, sent, TOP_K, channel)
    asked = Inputs.parse(sent)
    return _labels(engine, target, asked.audio(), asked.top_k, channel)


def _labels(
    engine: Engine, target: GalleryRow | str, audio: bytes, top_k: int, channel: Channel
) -> tuple[LabelScore, ...]:
    if isinstance(target, str):
        return labels.of_classifier(engine, target, audio, top_k=top_k, channel=channel)
    return engine.with_encoder(target, partial(labels.of_gallery, audio=audio, top_k=top_k, channel=channel))
