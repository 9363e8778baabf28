"""Transcripts as OpenAI's API answers them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse, PlainTextResponse

from speakerid.api.transcription_form import TranscriptionForm
from speakerid.diarization import formats
from speakerid.types import DiarizedTranscript, Passage, Transcript


def diarized(found: DiarizedTranscript) -> dict[str, Any]:
    return {
        "task": "transcribe",
        "duration": found.seconds,
        "text": found.text,
        "segments": _turns(found),
        "usage": _usage(found.seconds),
    }


def who_said_what(found: DiarizedTranscript, form: TranscriptionForm) -> Response:
    return _events([*_turns(found), _done(found.text)]) if form.stream else JSONResponse(diarized(found))


def written(found: Transcript, form: TranscriptionForm) -> Response:
    """In the format that was asked for, of those without speakers."""
    if form.stream:
        deltas = [{"type": "transcript.text.delta", "delta": one} for one in _pieces(found)]
        return _events([*deltas, _done(found.text)])
    match form.response_format:
        case "text":
            return PlainTextResponse(found.text + "\n")
        case "srt":
            return PlainTextResponse(formats.spoken_srt(found.passages))
        case "vtt":
            return PlainTextResponse(formats.spoken_vtt(found.passages))
        case "verbose_json":
            return JSONResponse(_verbose(found, form))
    return JSONResponse({"text": found.text, "usage": _usage(found.seconds)})


def _verbose(found: Transcript, form: TranscriptionForm) -> dict[str, Any]:
    answer = {
        "task": "transcribe",
        "language": found.language or "",
        "duration": found.seconds,
        "text": found.text,
        "usage": _usage(found.seconds),
    }
    if "segment" in form.granularities:
        answer["segments"] = [_segment(nth, one) for nth, one in enumerate(found.passages)]
    if "word" in form.granularities:
        answer["words"] = [{"word": one.text.strip(), "start": one.start, "end": one.end} for one in found.words]
    return answer


def _segment(nth: int, passage: Passage) -> dict[str, Any]:
    return {
        "id": nth,
        "seek": passage.seek,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "tokens": passage.tokens,
        "temperature": passage.temperature,
        "avg_logprob": passage.average_log_probability,
        "compression_ratio": passage.compression_ratio,
        "no_speech_prob": passage.no_speech_probability,
    }


def _usage(seconds: float) -> dict[str, Any]:
    return {"type": "duration", "seconds": seconds}


def _turns(found: DiarizedTranscript) -> list[dict[str, Any]]:
    return [{"id": f"seg_{nth}", "type": "transcript.text.segment", **vars(one)} for nth, one in enumerate(found.turns)]


def _pieces(found: Transcript) -> list[str]:
    """What joined is the whole text."""
    texts = [one.text for one in found.passages]
    return [text for text in ("".join(texts[:1]).lstrip(), *texts[1:-1], "".join(texts[1:][-1:]).rstrip()) if text]


def _done(text: str) -> dict[str, Any]:
    return {"type": "transcript.text.done", "text": text}


def _events(events: Iterable[dict[str, Any]]) -> Response:
    """Server-sent events. All is known before the first: who speaks depends on all of a recording."""
    lines = (f"data: {json.dumps(one, ensure_ascii=False)}\n\n" for one in events)
    return Response("".join(lines), media_type="text/event-stream")
