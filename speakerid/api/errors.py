"""The one table from errors to HTTP statuses, and how errors of every origin are answered."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from speakerid import errors
from speakerid.api.middleware import REQUEST_ID, new_request_id
from speakerid.api.not_audio import LINE_BREAKS, is_urlencoded, mistake
from speakerid.api.problems import MEDIA_TYPE, document, problem
from speakerid.api.upload import head_of

logger = logging.getLogger(__name__)

# The nearest class in an error's ancestry decides; tests/api/test_problems.py checks that every leaf is reached.
STATUSES: dict[type[errors.SpeakeridError], int] = {
    errors.AudioError: 422,
    errors.UnsupportedAudio: 415,
    errors.AudioTooLong: 413,
    errors.FileTooLarge: 413,
    errors.DecoderUnavailable: 500,
    errors.ClientGone: 400,
    errors.Refusal: 422,
    errors.DoesNotMatchSpeaker: 409,  # with what is enrolled
    errors.VoiceAlreadyEnrolled: 409,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.InvalidRequest: 422,
    errors.BodyTooSlow: 408,
    errors.InvalidHttp: 400,
    errors.ContentEncodingUnsupported: 415,
    errors.WebSocketExpected: 426,
    errors.RequestHeadTooLarge: 431,
    errors.Denied: 403,
    errors.KeyMissing: 401,
    errors.KeyInvalid: 401,
    errors.KeyExpired: 401,
    errors.Overloaded: 429,
    errors.StreamIdle: 408,
    errors.StreamTooLong: 413,
    errors.MessageTooLarge: 413,
    errors.MessagesTooSmall: 429,
    errors.EncoderMismatch: 409,
    errors.CalibrationMissing: 409,
    errors.CalibrationUnreadable: 409,
    errors.EncoderInputInvalid: 422,
    errors.EncoderNotFound: 500,
    errors.EncoderFailed: 500,
    errors.EncoderWorkerLost: 503,
    errors.EncoderWorkersFailed: 500,
    errors.ClassifierError: 500,
    errors.ClassifierNotFound: 404,
    errors.MaterialUnusable: 422,
    errors.MaterialTooLittle: 422,
    errors.GalleryFileError: 422,
    errors.GalleryFileExists: 500,  # these two are of this machine's own files
    errors.GalleryFileUnwritable: 500,
    errors.GalleryFileOtherEncoder: 409,
    errors.GalleryTaken: 409,
    errors.ExtraMissing: 500,
    errors.ClusterFailed: 500,
    errors.ModelsError: 500,
    errors.StoreError: 500,
    errors.StoreUnavailable: 503,  # another process writes for long, or its disk or server is gone for a while
    errors.SettingsError: 500,
}
# Failures whose own words may be said to anybody.
STAYS = (errors.StoreReplaced, errors.EncryptionChanged, errors.PgvectorUnavailable)  # until somebody does something
SAID = (errors.StoreBusy, errors.EncoderWorkerLost, *STAYS)
STORE_RETRY_S = 5
NO_STORE = (
    f"The store cannot be used now: it is busy, or its disk or server does not answer. Try again in {STORE_RETRY_S} s; "
    "the server's log has the cause under this request_id."
)
READ_ONLY = (
    "The store can only be read now, and nothing was changed. Tell whoever runs the server to look at its disk and "
    "permissions; the server's log has the cause under this request_id."
)
# What curl -d leaves of a file may be any of these.
DAMAGED = (errors.UnsupportedAudio, errors.MalformedAudio, errors.TruncatedAudio)
JSON_BODY = "Send one JSON object in UTF-8, with the header 'Content-Type: application/json'."
AUDIO_PATHS = ("/utterances", "/identify", "/verify", "/embeddings", "/recordings", "/classify")
INTERNAL = "The server failed on this request. Its log has the cause under this request_id."


class Refused(HTTPException):
    """An error while a body is read."""

    def __init__(self, error: errors.SpeakeridError) -> None:
        super().__init__(status_of(type(error)), str(error))
        self.error = error


def status_of(error: type[errors.SpeakeridError]) -> int:
    """Raises LookupError for an error without a status."""
    for ancestor in error.__mro__:
        if ancestor in STATUSES:
            return STATUSES[ancestor]
    raise LookupError(error.__name__)


def unasked(error: errors.SpeakeridError) -> bytes:
    """The whole answer to a connection that brought no request the application could see."""
    request_id, status = new_request_id(), status_of(type(error))
    body = json.dumps(document(request_id, status, error.code, str(error))).encode()
    headers = _headers(error) | {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Connection": "close",
        REQUEST_ID: request_id,
    }
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def install(app: FastAPI) -> None:
    app.add_exception_handler(errors.SpeakeridError, _on_speakerid_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_bug)


def _on_speakerid_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.SpeakeridError)
    declared = request.headers.get("content-type", "")
    sentence = mistake(head_of(request), declared) if isinstance(error, DAMAGED) else None
    if sentence is not None:
        error = errors.UnsupportedAudio(sentence)
    status = status_of(type(error))
    detail, facts = disclosed(error, status, request.scope.get("request_id", ""))
    if isinstance(error, DAMAGED) and sentence is None and is_urlencoded(declared):
        detail += LINE_BREAKS
    return problem(request, status, error.code, detail, _headers(error), facts)


def refusal(scope: Scope, error: errors.SpeakeridError) -> JSONResponse:
    """For a middleware, whose errors no handler sees."""
    return _on_speakerid_error(Request(scope), error)


def disclosed(error: errors.SpeakeridError, status: int, request_id: str) -> tuple[str, dict[str, Any]]:
    """What the caller may know. A failure is the operator's business: a driver's words may name hosts and users."""
    if isinstance(error, SAID):
        logger.warning("request %s: %s", request_id, error.code)
        return str(error), error.facts
    if isinstance(error, errors.StoreUnavailable):
        logger.error("request %s: %s", request_id, error.code, exc_info=error)
        return READ_ONLY if isinstance(error, errors.StoreReadOnly) else NO_STORE, {}
    if status >= 500:
        logger.error("request %s: %s", request_id, error.code, exc_info=error)
        return INTERNAL, {}
    return str(error), error.facts


def _headers(error: errors.SpeakeridError) -> dict[str, str]:
    if isinstance(error, errors.Overloaded | errors.StoreBusy | errors.EncoderWorkerLost):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, (errors.StoreReadOnly, *STAYS)):
        return {}
    if isinstance(error, errors.StoreUnavailable):
        return {"Retry-After": str(STORE_RETRY_S)}
    if isinstance(error, errors.ContentEncodingUnsupported):
        return {"Accept-Encoding": "identity"}  # RFC 9110 section 15.5.16
    if isinstance(error, errors.KeyMissing | errors.KeyInvalid | errors.KeyExpired):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, errors.WebSocketExpected):
        return {"Upgrade": "websocket", "Connection": "Upgrade"}  # RFC 9110 section 15.5.22
    if isinstance(error, errors.BodyTooSlow):
        return {"Connection": "close"}  # RFC 9110 section 15.5.9; the rest of the body is not waited for
    return {}


def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    sentence = _wrong_body(request) if first["loc"] == ("body",) else None
    return problem(request, 422, errors.InvalidRequest.code, sentence or _invalid(first))


def _wrong_body(request: Request) -> str | None:
    """Why the body as a whole was not read: FastAPI calls all of this a missing field or a value of a wrong kind."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return f"The body is empty. {JSON_BODY}"
    if declared == "multipart/form-data" or declared.startswith(("audio/", "video/")):
        return f"The body is a file or a form. {JSON_BODY} Audio goes to paths that end in {', '.join(AUDIO_PATHS)}."
    if not _is_json(declared):
        sent = f"as {declared[:64]}" if declared else "without a Content-Type"
        curl = ", which is what curl -d says by itself" if is_urlencoded(declared) else ""
        return f"The body came {sent}{curl}. {JSON_BODY}"
    return None


def _is_json(declared: str) -> bool:
    return declared.startswith("application/") and declared.endswith(("/json", "+json"))


def _invalid(first: dict[str, Any]) -> str:
    if first["type"] == "json_invalid":  # its `loc` is the character where reading stopped, no field
        return f"The body is not JSON ({first['ctx']['error']}, character {first['loc'][-1]}). {JSON_BODY}"
    if first["loc"] == ("body",):
        return f"The body is JSON, but no object. {JSON_BODY}"
    where = ".".join(str(part) for part in first["loc"])
    if first["loc"][0] == "query" and first.get("input") == "":
        return f"{where} is empty. Give it a value, or leave it out."
    return f"{where}: {first['msg']}. Correct this field."


def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error, Refused):
        return _on_speakerid_error(request, error.error)
    if error.status_code == 400:
        return _on_unread_body(request, error.__cause__ or error)
    codes = {404: "no_such_path", 405: "method_not_allowed"}
    code = codes.get(error.status_code, f"http_{error.status_code}")
    hint = _hint(request) if error.status_code == 404 else ""
    detail = f"{request.method} {request.scope['path']}: {error.detail}. {hint}See /openapi.json for what there is."
    return problem(request, error.status_code, code, detail, dict(error.headers or {}))


def _hint(request: Request) -> str:
    """For addresses that were nearly right."""
    path: str = request.scope["path"]
    if "//" in path:
        return "Between two slashes a name or an id is missing. "
    asked = path[max(path.casefold().find("/v1/"), 0) :]
    spelled = (_spelled_as(template, asked) for template in request.app.openapi()["paths"])
    meant = next((one for one in spelled if one is not None), path)
    return "" if meant == path else f"Did you mean {meant}? "


def _spelled_as(template: str, path: str) -> str | None:
    """`path` with the words of a `template`; ids and names, which may be in capitals, stay as they are."""
    words, parts = template.split("/"), path.split("/")
    if len(words) != len(parts):
        return None
    spelled = [part if word.startswith("{") else word for word, part in zip(words, parts, strict=True)]
    return "/".join(spelled) if "/".join(spelled).casefold() == path.casefold() else None


def _on_unread_body(request: Request, cause: BaseException) -> JSONResponse:
    """FastAPI calls whatever happens while it reads a body a fault of the body: it may be the client's, or ours."""
    if isinstance(cause, ClientDisconnect):
        return _on_disconnect(request, cause)
    if isinstance(cause, ValueError | RecursionError):  # such as a million brackets
        return problem(request, 422, errors.InvalidRequest.code, f"The body cannot be read. {JSON_BODY}")
    return _on_bug(request, cause)


def _on_disconnect(request: Request, error: BaseException) -> JSONResponse:
    """An answer that reaches no one; without it the log would call a lost connection a failure of the server."""
    return _on_speakerid_error(request, errors.ClientGone())


def _on_bug(request: Request, error: BaseException) -> JSONResponse:
    logger.error("request %s failed", request.scope.get("request_id"), exc_info=error)
    return problem(request, 500, "internal_error", INTERNAL)
