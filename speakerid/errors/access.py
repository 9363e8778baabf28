"""Who may not."""

from __future__ import annotations

from speakerid.errors.base import Overloaded, SpeakeridError


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
