"""Checks on the text fields that callers send."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

from speakerid.db.models import GALLERY_LENGTH, TAG_LENGTH
from speakerid.db.types import now
from speakerid.errors import InvalidRequest, InvalidTag, PreconditionFailed
from speakerid.names import NAME_LENGTH, fault, quoted
from speakerid.services.serializers import etag
from speakerid.types import Combining, EnrollmentRefusal

METADATA_BYTES = 16_384
MOST_TAGS = 32  # of one speaker
DETAILS_DEPTH = 32  # levels of nesting; far deeper ones cannot be written out again
EVERY_REFUSAL: frozenset[EnrollmentRefusal] = frozenset(get_args(EnrollmentRefusal))
BAD_CURSOR = (
    "'cursor' leads nowhere in this list. Send the 'next_cursor' of the page before, or none for the first page."
)
ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
ONE_DAY = timedelta(days=1)
_SPAN = re.compile(r"([0-9]{1,5})([dhm])", re.ASCII)
_UNITS = {"d": ONE_DAY, "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_GALLERY_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{GALLERY_LENGTH - 1}}}")


def name(value: str, field: str = "name") -> str:
    """A trimmed text of 1 to 200 characters that can be printed. Raises InvalidRequest."""
    text = value.strip()
    if not 0 < len(text) <= NAME_LENGTH:
        raise InvalidRequest(f"'{field}' must be 1 to {NAME_LENGTH} characters; it has {len(text)}. Choose another.")
    if (found := fault(text)) is not None:
        raise InvalidRequest(f"'{field}' has {found}.")
    return text


def tags(values: Iterable[str]) -> tuple[str, ...]:
    """Each once, in small letters, without blanks around it or double ones in it. Raises InvalidTag."""
    found = tuple(dict.fromkeys(_tag(one) for one in values))
    if len(found) > MOST_TAGS:
        raise InvalidTag(f"{len(found)} tags are too many; a speaker has at most {MOST_TAGS}. Leave some out.")
    return found


def _tag(value: str) -> str:
    small = " ".join(value.split()).lower()
    text = unicodedata.normalize("NFC", re.sub("i\u0307+", "i", small))  # dots of a Turkish capital
    if not 0 < len(text) <= TAG_LENGTH:
        raise InvalidTag(f"A tag has 1 to {TAG_LENGTH} characters; one has {len(text)}. Choose another.")
    if "," in text:
        raise InvalidTag(f"The tag {quoted(text)} has a comma, which stands between tags. Choose another.")
    if (found := fault(text)) is not None:
        raise InvalidTag(f"A tag has {found}.")
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


def consent(value: dict[str, Any]) -> dict[str, Any]:
    """A JSON object as any, in which three fields have a meaning: `purpose`, a text, and `given_at` and `expires_at`,
    which become times of ISO 8601 in UTC: a day as an end is over when it is over. Raises InvalidRequest."""
    found = details(value, "consent")
    if not isinstance(found.get("purpose", ""), str):
        raise InvalidRequest("'consent.purpose' must be a text. Say what the voice may be recognized for.")
    for field, read in (("given_at", _time), ("expires_at", _end)):
        if (text := found.get(field)) is not None:
            if not isinstance(text, str):
                raise InvalidRequest(f"'consent.{field}' must be a day or a time of ISO 8601.")
            found = found | {field: read(text.strip(), f"consent.{field}").isoformat()}
    return found


def _end(text: str, field: str) -> datetime:
    return now() + span(text, field) if _SPAN.fullmatch(text) else _time(text, field, ONE_DAY)


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


def span(value: str, field: str) -> timedelta:
    """Of `90d`, `24h`, `15m` or `0`. Raises InvalidRequest."""
    found = _SPAN.fullmatch(value.strip())
    if value.strip() != "0" and not found:
        raise InvalidRequest(f"'{field}' is a number of days, hours or minutes, such as 90d, 24h or 15m.")
    return timedelta() if found is None else int(found[1]) * _UNITS[found[2]]


def end_of(value: str, field: str) -> datetime:
    """A span from now, a day (whose end is meant, in UTC), or a time of ISO 8601. Raises InvalidRequest."""
    end = _end(value.strip(), field)
    if end <= now():
        raise InvalidRequest(f"'{field}' is in the past. Choose a later end.")
    return end


def _time(text: str, field: str, day: timedelta = timedelta()) -> datetime:
    """`day`: what is added where only a day is named. Raises InvalidRequest."""
    try:
        found = datetime.fromisoformat(text)
        later = day if len(text) <= len("2027-01-31") else timedelta()
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC) + later
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"'{field}' is a span such as 90d or 24h, a day such as 2027-01-31, or a time of ISO 8601."
        ) from None


def start_of(value: str, field: str) -> datetime:
    """A span until now, the beginning of a day, in UTC, or a time of ISO 8601. Raises InvalidRequest."""
    return now() - span(value, field) if _SPAN.fullmatch(value.strip()) else _time(value.strip(), field)


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
    # Proxies that compress answers put W/ in front, which changes nothing here.
    named = set() if if_match is None else {one.strip().removeprefix("W/") for one in if_match.split(",")}
    if if_match is not None and named.isdisjoint({"*", etag(version)}):
        raise PreconditionFailed
