"""Checks on the text fields that callers send."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any, cast, get_args

from speakerid.db.models import GALLERY_LENGTH, NAME_LENGTH
from speakerid.errors import InvalidRequest, PreconditionFailed
from speakerid.services.serializers import etag
from speakerid.types import Combining, EnrollmentRefusal

METADATA_BYTES = 16_384
DETAILS_DEPTH = 32  # levels of nesting; far deeper ones cannot be written out again
# Controls, halves of surrogate pairs and line breaks. Not all of `str.isprintable`: the joiners of Persian, of
# Indian scripts and of emoji are not printable to Python, but names have them.
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
EVERY_REFUSAL: frozenset[EnrollmentRefusal] = frozenset(get_args(EnrollmentRefusal))
BAD_CURSOR = (
    "'cursor' leads nowhere in this list. Send the 'next_cursor' of the page before, or none for the first page."
)
ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_GALLERY_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{GALLERY_LENGTH - 1}}}")


def name(value: str, field: str = "name") -> str:
    """A trimmed text of 1 to 200 printable characters. Raises InvalidRequest."""
    text = value.strip()
    if not text or len(text) > NAME_LENGTH or any(unicodedata.category(sign) in _UNPRINTABLE for sign in text):
        raise InvalidRequest(
            f"'{field}' must be 1 to {NAME_LENGTH} printable characters; it has {len(text)}. Send plain text."
        )
    return text


def gallery_name(value: str) -> str:
    if not _GALLERY_NAME.fullmatch(value):
        raise InvalidRequest(
            f"A gallery name is 1 to {GALLERY_LENGTH} of the characters a-z, 0-9, '-', '_', and starts with a "
            "letter or a digit. Choose such a name."
        )
    return value


def details(value: dict[str, Any], field: str) -> dict[str, Any]:
    """A JSON object of at most 16 KiB that every store can keep. Raises InvalidRequest."""
    try:
        size = len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError):  # ValueError: NaN, half a surrogate pair
        raise InvalidRequest(
            f"'{field}' must be a JSON object of plain values. Send texts, numbers and lists."
        ) from None
    if size > METADATA_BYTES:
        raise InvalidRequest(f"'{field}' has {size} bytes of JSON; at most {METADATA_BYTES} are kept. Send less.")
    if not _plain(value, DETAILS_DEPTH):
        raise InvalidRequest(f"'{field}' has a NUL character or more than {DETAILS_DEPTH} levels. Send it without.")
    return value


def _plain(value: object, levels: int) -> bool:
    """At most `levels` deep, and no text with a NUL, which PostgreSQL cannot keep."""
    if isinstance(value, dict):
        return levels > 0 and all("\0" not in key and _plain(inside, levels - 1) for key, inside in value.items())
    if isinstance(value, list):
        return levels > 0 and all(_plain(inside, levels - 1) for inside in value)
    return not isinstance(value, str) or "\0" not in value


def accepted(codes: str | Iterable[str]) -> frozenset[EnrollmentRefusal]:
    """Refusals to override: codes, or a text with commas between them. Raises InvalidRequest for an unknown one."""
    asked = {code.strip() for text in ([codes] if isinstance(codes, str) else codes) for code in text.split(",")} - {""}
    if unknown := asked - EVERY_REFUSAL:
        known = ", ".join(get_args(EnrollmentRefusal))
        raise InvalidRequest(f"'accept' does not know {', '.join(sorted(unknown))}. Name any of {known}.")
    return frozenset(code for code in EVERY_REFUSAL if code in asked)


def cursor(value: str | None, prefix: str) -> str | None:
    """The id, behind `prefix`, of the last item of the page before; None for the first page. Raises InvalidRequest."""
    if value is None:
        return None
    found, _, ulid = value.partition("_")
    if found != prefix or not re.fullmatch(ULID, ulid):
        raise InvalidRequest(BAD_CURSOR)
    return value


def share(value: float, field: str) -> float:
    if not 0.0 < value < 1.0:
        raise InvalidRequest(f"'{field}' must be above 0 and below 1, for example 0.01.")
    return value


def seconds(value: float, field: str) -> float:
    if not 0.0 <= value <= 600.0:
        raise InvalidRequest(f"'{field}' must be 0 to 600 seconds.")
    return value


def combining(value: str) -> Combining:
    """Raises InvalidRequest."""
    for known in get_args(Combining):
        if value == known:
            return cast(Combining, known)
    raise InvalidRequest(f"'combining' must be one of {', '.join(get_args(Combining))}.")


def unchanged(if_match: str | None, version: int) -> None:
    """Raises PreconditionFailed when none of the caller's If-Match, a list with commas, is this version's ETag."""
    if if_match is not None and not {"*", etag(version)} & {one.strip() for one in if_match.split(",")}:
        raise PreconditionFailed
