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

from speakerid import errors
from speakerid.api.middleware import REQUEST_ID, new_request_id
from speakerid.api.problems import MEDIA_TYPE, document, problem

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
    errors.RequestHeadTooLarge: 431,
    errors.Denied: 403,
    errors.KeyMissing: 401,
    errors.KeyInvalid: 401,
    errors.Overloaded: 429,
    errors.StreamIdle: 408,
    errors.StreamTooLong: 413,
    errors.MessageTooLarge: 413,
    errors.EncoderMismatch: 409,
    errors.CalibrationMissing: 409,
    errors.CalibrationUnreadable: 409,
    errors.EncoderInputInvalid: 422,
    errors.EncoderNotFound: 500,
    errors.EncoderFailed: 500,
    errors.ExtraMissing: 500,
    errors.ModelsError: 500,
    errors.StoreError: 500,
    errors.SettingsError: 500,
}
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
    status = status_of(type(error))
    detail, facts = disclosed(error, status, request.scope.get("request_id", ""))
    return problem(request, status, error.code, detail, _headers(error), facts)


def disclosed(error: errors.SpeakeridError, status: int, request_id: str) -> tuple[str, dict[str, Any]]:
    """What the caller may know. A failure is the operator's business: a driver's words may name hosts and users."""
    if status >= 500:
        logger.error("request %s: %s", request_id, error.code, exc_info=error)
        return INTERNAL, {}
    return str(error), error.facts


def _headers(error: errors.SpeakeridError) -> dict[str, str]:
    if isinstance(error, errors.Overloaded):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, errors.KeyMissing | errors.KeyInvalid):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, errors.BodyTooSlow):
        return {"Connection": "close"}  # RFC 9110 section 15.5.9; the rest of the body is not waited for
    return {}


def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return problem(request, 422, errors.InvalidRequest.code, _invalid(first))


def _invalid(first: dict[str, Any]) -> str:
    if first["type"] == "json_invalid":  # its `loc` is the character where reading stopped, no field
        return f"The body is not JSON ({first['ctx']['error']}, character {first['loc'][-1]}). Send one JSON object."
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}. Correct this field."


def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error, Refused):
        return _on_speakerid_error(request, error.error)
    if error.status_code == 400:
        return _on_unread_body(request, error.__cause__ or error)
    codes = {404: "no_such_path", 405: "method_not_allowed"}
    code = codes.get(error.status_code, f"http_{error.status_code}")
    detail = f"{request.method} {request.scope['path']}: {error.detail}. See /openapi.json for what there is."
    return problem(request, error.status_code, code, detail, dict(error.headers or {}))


def _on_unread_body(request: Request, cause: BaseException) -> JSONResponse:
    """FastAPI calls whatever happens while it reads a body a fault of the body: it may be the client's, or ours."""
    if isinstance(cause, ClientDisconnect):
        return _on_disconnect(request, cause)
    if isinstance(cause, ValueError | RecursionError):  # such as a million brackets
        return problem(request, 422, errors.InvalidRequest.code, "The body cannot be read. Send one JSON object.")
    return _on_bug(request, cause)


def _on_disconnect(request: Request, error: BaseException) -> JSONResponse:
    """An answer that reaches no one; without it the log would call a lost connection a failure of the server."""
    return _on_speakerid_error(request, errors.ClientGone())


def _on_bug(request: Request, error: BaseException) -> JSONResponse:
    logger.error("request %s failed", request.scope.get("request_id"), exc_info=error)
    return problem(request, 500, "internal_error", INTERNAL)
