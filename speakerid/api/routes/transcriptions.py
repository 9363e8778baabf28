"""OpenAI's transcription contract, as its clients speak it: who said what, with the speakers of a gallery."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from speakerid.api import openai_errors
from speakerid.api.auth import allow
from speakerid.api.examples import ok
from speakerid.api.long_work import transcription_work
from speakerid.api.parameters import EngineDep, StrictRoute
from speakerid.api.transcription_answers import diarized, who_said_what, written
from speakerid.api.transcription_form import TranscriptionForm
from speakerid.api.upload import form_of
from speakerid.db.models import GalleryRow
from speakerid.errors import GalleryNotFound, ScopeMissing, TranscriberMissing
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.transcribe import transcribe, transcribe_diarized
from speakerid.types import DiarizedTranscript, Key, SpokenTurn

router = APIRouter(prefix="/v1/audio", tags=["openai"], route_class=StrictRoute)
CALLER = allow("identify")
Caller = Annotated[Key | None, CALLER]
OPENAIS = re.compile(r"(gpt|whisper)-.*")  # names of its models
TEXT: dict[str, Any] = {"type": "string"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["file", "model"],
    "additionalProperties": False,
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "model": TEXT | {"description": "A gallery, or a model of OpenAI's for the key's gallery or `default`."},
        "response_format": TEXT | {"enum": ["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]},
        "known_speaker_names[]": TEXTS | {"maxItems": 4},
        "known_speaker_references[]": TEXTS | {"maxItems": 4, "description": "Data URLs with audio of up to 30 s."},
        "language": TEXT | {"description": "ISO 639-1."},
        "prompt": TEXT | {"maxLength": 4000},
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
        "timestamp_granularities[]": TEXTS,
        "chunking_strategy": TEXT | {"enum": ["auto"]},
        "stream": {"type": "boolean", "description": "As events; with json, text and diarized_json."},
    },
}
EXAMPLE = DiarizedTranscript(
    9.3, (SpokenTurn(0.4, 5.1, "Ada", "Shall we begin?"), SpokenTurn(5.6, 9.0, "A", "Yes, let us."))
)


def gallery_of(engine: Engine, model: str, key: Key | None) -> GalleryRow:
    """The gallery of this name; for a model of OpenAI's the only one of the key, or `default`.

    For a key that is bound to galleries there are no others: no answer tells whether one is there. Raises
    GalleryNotFound, ScopeMissing.
    """
    bound = key.galleries if key is not None else ()
    if not bound or model in bound:
        with suppress(GalleryNotFound):
            return galleries.get(engine, model)
    name = model
    if OPENAIS.fullmatch(model):
        name = bound[0] if len(bound) == 1 else galleries.DEFAULT
    if bound and name not in bound:
        raise ScopeMissing("identify")
    return galleries.get(engine, name)


@router.post(
    "/transcriptions",
    response_model=None,
    responses=ok(diarized(EXAMPLE)) | openai_errors.described(400, 401, 403, 404, 408, 409, 413, 429, 431, 500, 503),
    dependencies=[CALLER],
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}},
)
async def create_transcription(request: Request, caller: Caller, engine: EngineDep) -> Response:
    """Who said what, as OpenAI's clients ask it: `audio.transcriptions.create(response_format="diarized_json")`.

    Speakers are those of `known_speaker_names`, enrolled for this request alone, those of the gallery, and A, B, … for
    others. Without a transcriber on the server texts are empty, and `diarized_json` is the only format. `text`, `srt`
    and `vtt` are answered as plain text. With `stream` the answer comes as events of OpenAI's types, once all is known:
    `transcript.text.segment` for each turn (`transcript.text.delta` without speakers), then `transcript.text.done`.
    Errors have OpenAI's shape. A few run at a time and some callers wait; the others are answered 429. Nothing is kept.
    """
    form = TranscriptionForm.of(*await form_of(request))
    if engine.transcriber is None and form.response_format != "diarized_json":
        raise TranscriberMissing(form.response_format)
    gallery = await run_in_threadpool(gallery_of, engine, form.model, caller)
    work = partial(_answer, engine, gallery, form)
    return await transcription_work(request).run(request, caller, work, read=True)


def _answer(engine: Engine, gallery: GalleryRow, form: TranscriptionForm) -> Response:
    if engine.transcriber is None or form.response_format == "diarized_json":
        asked = partial(transcribe_diarized, audio=form.audio, known=form.known, hints=form.hints)
        return who_said_what(engine.with_encoder(gallery, asked), form)
    return written(transcribe(engine, engine.transcriber, form.audio, form.hints), form)
