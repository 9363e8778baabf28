"""The root of all errors, those that belong to no part, and those about who may do what."""

from __future__ import annotations

from typing import Any

LONG_WORK_S = 10  # an audit of 10,000 utterances takes 20 s


class SpeakeridError(Exception):
    """`str(error)` is a sentence for a person: what is wrong and what to do."""

    code: str = "speakerid_error"  # of the class, but for what a server answered: there it is the server's

    @property
    def facts(self) -> dict[str, Any]:
        """What a program may want to know besides the sentence, as JSON values."""
        return {}


class InvalidRequest(SpeakeridError):
    code = "invalid_request"


class BodyTooSlow(SpeakeridError):
    code = "body_too_slow"

    def __init__(self, after_s: float) -> None:
        super().__init__(
            f"The body came too slowly: less than 1 KiB/s for {after_s:g} s. Send it again over a faster line."
        )


class InvalidHttp(SpeakeridError):
    code = "invalid_http"

    def __init__(self) -> None:
        super().__init__(
            "This is no valid HTTP request. Send it by an HTTP library, and without TLS where none is set up."
        )


class RequestHeadTooLarge(SpeakeridError):
    code = "request_head_too_large"

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"The request's address and headers exceed {max_bytes} bytes. Shorten the query, or send fewer headers."
        )


class Overloaded(SpeakeridError):
    code = "overloaded"

    def __init__(self, retry_after_s: int = 1) -> None:
        super().__init__(f"The server is full. Try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class LongWorkFull(Overloaded):
    code = "long_work_full"

    def __init__(self) -> None:
        super().__init__(LONG_WORK_S)
        self.args = (f"Other long work comes first, and no place to wait is left. Try again in {LONG_WORK_S} s.",)


class SettingsError(SpeakeridError):
    code = "settings_error"


class Denied(SpeakeridError):
    code = "denied"


class KeyMissing(Denied):
    code = "key_missing"

    def __init__(self) -> None:
        super().__init__("This server needs a key. Send it as 'Authorization: Bearer sid_…'.")


class KeyInvalid(Denied):
    code = "key_invalid"

    def __init__(self) -> None:
        super().__init__("The key is unknown or was revoked. Ask the operator for a new one.")


class ScopeMissing(Denied):
    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"The key does not allow {scope!r} here. Ask the operator for a key with this scope.")


class TooManyWrongKeys(Overloaded):
    """Too many from one network, so that the next is not even looked up."""

    code = "too_many_wrong_keys"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.args = (f"Too many unknown keys came from your network. Check the key; try again in {retry_after_s} s.",)
