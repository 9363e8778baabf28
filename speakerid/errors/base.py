"""The root of all errors, those that belong to no part, and those about who may do what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from speakerid.names import quoted

IDS_SHOWN = 10  # in a sentence
LONG_WORK_S = 10  # an audit of 10,000 utterances takes 20 s


class SpeakeridError(Exception):
    """`str(error)` is a sentence for a person: what is wrong and what to do."""

    code: str = "speakerid_error"  # of the class, but for what a server answered: there it is the server's

    def __init_subclass__(cls, *, code: str) -> None:
        cls.code = code

    @property
    def facts(self) -> dict[str, Any]:
        """What a program may want to know besides the sentence, as JSON values."""
        return {}

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy, which would call `__init__` with the finished sentence."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[SpeakeridError], args: tuple[Any, ...], state: dict[str, Any]) -> SpeakeridError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InvalidRequest(SpeakeridError, code="invalid_request"): ...


class AmbiguousName(InvalidRequest, code="ambiguous_name"):
    def __init__(self, name: str, ids: Sequence[str], *, of: str = "speakers") -> None:
        shown = ids[:IDS_SHOWN]
        more = f" and {len(ids) - len(shown)} more" if len(ids) > len(shown) else ""
        super().__init__(
            f"{len(ids)} {of} have the name {quoted(name)}. Use one of their ids: {', '.join(shown)}{more}."
        )
        self.ids, self.of = list(ids), of

    @property
    def facts(self) -> dict[str, Any]:
        return {f"{self.of.removesuffix('s')}_ids": self.ids}


class InvalidTag(InvalidRequest, code="invalid_tag"): ...


class BodyTooSlow(SpeakeridError, code="body_too_slow"):
    def __init__(self, after_s: float) -> None:
        super().__init__(
            f"The body came too slowly: less than 1 KiB/s for {after_s:g} s. Send it again over a faster line."
        )


class InvalidHttp(SpeakeridError, code="invalid_http"):
    def __init__(self) -> None:
        super().__init__(
            "This is no valid HTTP request. Send it by an HTTP library, and without TLS where none is set up."
        )


class ContentEncodingUnsupported(SpeakeridError, code="content_encoding_unsupported"):
    def __init__(self, encoding: str) -> None:
        super().__init__(f"The body is compressed (Content-Encoding: {encoding[:32]}). Send it as it is.")


class WebSocketExpected(SpeakeridError, code="websocket_expected"):
    def __init__(self) -> None:
        super().__init__(
            "This path is a WebSocket, and the request asks for none. Connect by ws:// or wss://; a proxy in between "
            "must pass on the headers Upgrade and Connection."
        )


class RequestHeadTooLarge(SpeakeridError, code="request_head_too_large"):
    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"The request's address or headers are longer than {max_bytes} bytes, or too many. "
            "Shorten the query, or send fewer headers."
        )


class Overloaded(SpeakeridError, code="overloaded"):
    def __init__(self, retry_after_s: int = 1, why: str = "The server is full.") -> None:
        super().__init__(f"{why} Try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class LongWorkFull(Overloaded, code="long_work_full"):
    def __init__(self) -> None:
        super().__init__(LONG_WORK_S, "Other long work comes first, and no place to wait is left.")


class SettingsError(SpeakeridError, code="settings_error"): ...


class Denied(SpeakeridError, code="denied"): ...


class KeyMissing(Denied, code="key_missing"):
    def __init__(self, why: str = "This server needs a key.") -> None:
        super().__init__(f"{why} Send it as 'Authorization: Bearer sid_…'.")


class KeyInvalid(Denied, code="key_invalid"):
    def __init__(self) -> None:
        super().__init__("The key is unknown or was revoked. Ask the operator for a new one.")


class KeyExpired(Denied, code="key_expired"):
    def __init__(self) -> None:
        super().__init__("The key, or this secret of it, has expired. Ask the operator for a new one.")


class KeyOutlives(Denied, code="key_outlives"):
    def __init__(self) -> None:
        super().__init__("Your key expires, and a key made with it may not outlive it. Ask for an earlier end.")


class FirstKeyAtStore(Denied, code="first_key_at_store"):
    def __init__(self) -> None:
        super().__init__(
            "Only a key with the scope 'admin' makes others over HTTP. Make the first one where the store is: "
            "'speakerid keys create NAME --scope admin'."
        )


class ScopeMissing(Denied, code="scope_missing"):
    def __init__(self, scope: str) -> None:
        super().__init__(f"The key does not allow {scope!r} here. Ask the operator for a key with this scope.")


class TooManyWrongKeys(Overloaded, code="too_many_wrong_keys"):
    """Too many from one network, so that the next is not even looked up."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s, "Too many unknown keys came from your network: check yours.")


class KeyQuotaReached(Overloaded, code="key_quota_reached"):
    """Of a key with seconds of audio a day."""

    def __init__(self, retry_after_s: int, used_s: float, per_day_s: int) -> None:
        super().__init__(
            retry_after_s,
            f"Your key may send {per_day_s} s of audio a day, {used_s:.0f} s were sent: this is too much.",
        )


class AudioBeyondQuota(Denied, code="audio_beyond_quota"):
    """More in one piece than a key may send in a day: it does not help to wait."""

    def __init__(self, seconds: float, per_day_s: int) -> None:
        super().__init__(
            f"The audio has {seconds:.0f} s, and your key may send {per_day_s} s a day. Send less, or ask the operator "
            "for a key that may send more."
        )


class KeyRateReached(Overloaded, code="key_rate_reached"):
    """Of a key with a number of requests a minute."""

    def __init__(self, retry_after_s: int, requests_per_minute: int) -> None:
        super().__init__(retry_after_s, f"Your key may send {requests_per_minute} requests a minute, and has.")
