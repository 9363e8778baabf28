"""Which failures of the work on a recording are its machine's: they may pass, and say nothing about the file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from speakerid.errors import DecoderKilled, DecoderUnavailable, Overloaded, SpeakeridError, StoreError

KINDS = (Overloaded, StoreError, DecoderUnavailable, DecoderKilled, OSError)
SHORT = re.compile(  # in the words of ONNX Runtime, PyTorch and Python
    "bad.?alloc|failed to allocate|out of memory|can't start new thread", re.IGNORECASE
)
TOO_LITTLE_MEMORY = "too little memory was left. Give it more, or let it work on fewer recordings at a time."
STORE_UNUSABLE = "the store could not be used. The log of the workers has the cause."


def is_of_machine(error: BaseException) -> bool:
    return isinstance(error, KINDS) or _is_short_of_memory(error)


def reason(error: BaseException) -> str:
    """What was wrong and what to do, behind a colon, for whoever sent the recording: no path of the machine."""
    if _is_short_of_memory(error) or isinstance(error, DecoderKilled):
        return TOO_LITTLE_MEMORY
    if isinstance(error, StoreError):
        return STORE_UNUSABLE
    if isinstance(error, SpeakeridError):
        return str(error)
    return (
        f"{(isinstance(error, OSError) and error.strerror) or type(error).__name__}. The log of the workers has more."
    )


def _is_short_of_memory(error: BaseException) -> bool:
    return any(isinstance(one, MemoryError) or SHORT.search(str(one)) for one in _with_causes(error))


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
