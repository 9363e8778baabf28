"""Whether the model hub answers, found out before torch is loaded and before anything asks it patiently.

huggingface_hub 2.4 asks a hub that cannot be reached six times: 24 s and six lines of warnings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import huggingface_hub.constants

from speakerid.errors import SpeakeridError

PATIENCE_S = 2.0
ASKED_FOR = "hyperparams.yaml"  # every model of SpeechBrain has it


def refuse_unreachable(where: str, not_found: Callable[[str], SpeakeridError], file: str = ASKED_FOR) -> None:
    """Raises `not_found` where the hub does not give `where` at once. Directories and what is in its cache need none.

    `file` is one that every model of the kind has.
    It is asked on a thread: looking up the name of a host has no deadline of its own.
    """
    if Path(where).is_dir():
        return
    failures: list[Exception] = []
    asking = threading.Thread(target=_ask, args=(where, file, failures), daemon=True)
    asking.start()
    asking.join(PATIENCE_S)
    if asking.is_alive():
        failures.append(TimeoutError())
    if failures and not _is_cached(where, file):
        raise not_found(not_given(where, failures[0])) from failures[0]
    if failures:
        huggingface_hub.constants.HF_HUB_OFFLINE = True  # its client then takes what it has, and asks no one


def _ask(where: str, file: str, failures: list[Exception]) -> None:
    try:
        huggingface_hub.get_hf_file_metadata(huggingface_hub.hf_hub_url(where, file), timeout=PATIENCE_S)
    except Exception as error:  # of the hub's HTTP library, of its own, of names that are none
        failures.append(error)


def _is_cached(where: str, file: str) -> bool:
    try:
        return isinstance(huggingface_hub.try_to_load_from_cache(where, file), str)
    except ValueError:  # no name of a model
        return False


def not_given(where: str, error: Exception) -> str:
    """A sentence."""
    return (
        f"{where} is no directory, and the model hub does not give it ({type(error).__name__}). Check the name and the "
        "network, or download the model and give its directory."
    )
