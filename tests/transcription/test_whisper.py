"""A transcriber gives words with their times, loads only what the operator named, and says what is wrong with it."""

from __future__ import annotations

import builtins
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerid.audio.decode import decode
from speakerid.audio.limits import cancelled_by
from speakerid.errors import ClientGone, ExtraMissing, TranscriberUnusable, TranscriptionRefused
from speakerid.transcription import whisper
from speakerid.transcription.whisper import Whisper
from speakerid.types import FloatArray, Hints
from tests.sampled import ADA, probe
from tests.transcription.tiny import TINY, needs_tiny

RATE_HZ = 16_000
PLAIN = Hints()


class Refused(AssertionError):
    pass


@pytest.fixture(scope="module")
def model() -> Whisper:
    assert TINY is not None
    return Whisper(TINY)


@pytest.fixture(scope="module")
def sentence() -> FloatArray:
    """'The old piano in the hallway is hard to tune, but our guests still love to play it.'"""
    return decode(probe(ADA))


@needs_tiny
@pytest.mark.slow
class TestAModel:
    def test_hears_words_with_their_times(self, model: Whisper, sentence: FloatArray) -> None:
        found = model.transcript(sentence, [(0, len(sentence))], PLAIN)
        assert found.text.lower().startswith("the old piano in the")
        assert (found.language, found.seconds) == ("en", len(sentence) / RATE_HZ)
        assert [word.text.strip().lower() for word in found.words[:3]] == ["the", "old", "piano"]
        times = [place for word in found.words for place in (word.start, word.end)]
        assert times == sorted(times)
        assert times[-1] <= found.seconds

    def test_hears_only_where_there_is_speech(self, model: Whisper, sentence: FloatArray) -> None:
        silence = np.zeros(20 * RATE_HZ, np.float32)
        speech = (len(silence), len(silence) + len(sentence))
        found = model.transcript(np.concatenate([silence, sentence]), [speech], PLAIN)
        assert found.words[0].start >= 19.5
        assert "piano" in found.text

    def test_is_not_asked_about_silence(self, model: Whisper) -> None:
        found = model.transcript(np.zeros(RATE_HZ, np.float32), [], PLAIN)
        assert (found.text, found.passages, found.language) == ("", (), None)

    def test_of_english_refuses_another_language(self, model: Whisper) -> None:
        model.check(Hints(language="en"))
        with pytest.raises(TranscriptionRefused, match=r"knows English \(en\) only") as refused:
            model.check(Hints(language="de"))
        assert refused.value.facts == {"param": "language"}

    def test_stops_when_its_caller_has_gone(self, model: Whisper, sentence: FloatArray) -> None:
        gone = threading.Event()
        gone.set()
        with cancelled_by(gone), pytest.raises(ClientGone):
            model.transcript(sentence, [(0, len(sentence))], PLAIN)


@needs_tiny
@pytest.mark.parametrize("missing", whisper.FILES)
def test_a_folder_that_is_not_whole_is_refused_and_never_looked_for_elsewhere(tmp_path: Path, missing: str) -> None:
    assert TINY is not None
    folder = tmp_path / "model"
    folder.mkdir()
    for name in whisper.FILES:
        if name != missing:
            shutil.copy(Path(TINY) / name, folder) if name != "model.bin" else (folder / name).touch()
    with pytest.raises(TranscriberUnusable, match=f"it has no {missing}"):
        Whisper(str(folder)).load()


@needs_tiny
@pytest.mark.parametrize("where", ["/nowhere/model", "nowhere", "../model", "a/b/c"])
def test_what_is_neither_a_folder_nor_a_name_of_the_hub_is_refused(where: str) -> None:
    with pytest.raises(TranscriberUnusable, match="there is no such directory"):
        Whisper(where).load()


@needs_tiny
def test_a_folder_of_something_else_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for name in whisper.FILES:
        (tmp_path / name).write_text("{}")
    with pytest.raises(TranscriberUnusable, match="is no Whisper model for faster-whisper"):
        Whisper(str(tmp_path)).load()


def test_without_the_extra_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.errors.extras.find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match="Install the extra 'transcribe'"):
        Whisper(str(tmp_path)).load()


def test_nothing_is_loaded_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("faster_whisper"):
            raise Refused(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    Whisper("anything")


def test_short_pauses_are_heard_with_the_speech_around_them_and_long_ones_are_not() -> None:
    speech = [(RATE_HZ, 2 * RATE_HZ), (4 * RATE_HZ, 5 * RATE_HZ), (20 * RATE_HZ, 21 * RATE_HZ)]
    assert whisper._clips(speech, 21 * RATE_HZ) == [0.8, 5.2, 19.8, 21.0]
