"""The answer to an erasure."""

from __future__ import annotations

from typing import Any

from fastapi import Response

STILL_ERASING: dict[int | str, dict[str, Any]] = {
    202: {"description": "Erased for everybody; its bytes are being removed from the store's files (see /readyz)."}
}


def erased(whole: bool) -> Response:
    """`whole`: not a byte is left in the store's files."""
    return Response(status_code=204 if whole else 202)
