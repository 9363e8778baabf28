"""A hub that cannot be reached is one sentence, soon."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import huggingface_hub.constants
import pytest

from speakerid.encoders.model_hub import refuse_unreachable
from speakerid.errors import EncoderNotFound
from tests.encoders.hub import Hub
from tests.waiting import PATIENCE_S

WHAT_IS_LOADED = """
import sys
import huggingface_hub
def unreachable(*_, **__):
    raise OSError("no network")
huggingface_hub.get_hf_file_metadata = unreachable
from speakerid.bootstrap import load_classifier, load_encoder
for load in (load_encoder, load_classifier):
    try:
        load("someone/model")
    except Exception as error:
        print(error.code)
print("torch" in sys.modules)
"""


def test_a_silent_hub_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    Hub.instead(monkeypatch, None, silent_s=10 * PATIENCE_S)
    begun_s = time.monotonic()
    with pytest.raises(EncoderNotFound, match=r"does not give it \(TimeoutError\)"):
        refuse_unreachable("someone/model", EncoderNotFound)
    assert time.monotonic() - begun_s < PATIENCE_S  # the hub says nothing for ten times as long


def test_it_is_asked_before_torch_is_loaded() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WHAT_IS_LOADED], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert ran.stdout.split() == ["encoder_not_found", "classifier_not_found", "False"]
    assert ran.stderr == ""


def test_a_directory_and_what_is_cached_need_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Hub.instead(monkeypatch, None)
    refuse_unreachable(str(tmp_path), EncoderNotFound)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: "/cache/hyperparams.yaml")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    refuse_unreachable("someone/model", EncoderNotFound)
    assert huggingface_hub.constants.HF_HUB_OFFLINE is True  # or its client would try for half a minute


def test_what_is_no_name_is_one_sentence() -> None:
    with pytest.raises(EncoderNotFound, match="is no directory"):
        refuse_unreachable("a/b/c/d", EncoderNotFound)
