"""Classifiers asked by name, alone or beside identify."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speakerid.audio.decode import OnLost, Preparer, as_wav, unasked
from speakerid.audio.limits import Channel
from speakerid.audio.samples import Samples
from speakerid.audio.vad import SileroVad
from speakerid.classification.classifier import ClassifierFolder
from speakerid.errors import ClassifierNotFound, NoSuchChannel, UnsupportedAudio
from speakerid.services import classify, galleries
from speakerid.services.engine import Engine
from speakerid.services.identify import identify
from speakerid.types import FloatArray
from tests.audio.encode import soundfile_bytes
from tests.classification.tone_classifier import CARD, HEAD, tones, whistled, write_tones
from tests.classification.toys import RATE_HZ, TONES_HZ, whistle
from tests.engines import EngineMaker
from tests.sampled import ADA, probe, silence, utterance
from tests.services.enrolled import add_speaker, probe_of


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def classifiers(tmp_path: Path) -> ClassifierFolder:
    return tones(tmp_path / "classifiers")


@pytest.fixture
def engine(open_engine: EngineMaker, store_url: str, classifiers: ClassifierFolder) -> Engine:
    return open_engine(store_url, classifiers=classifiers)


@pytest.mark.parametrize("label", TONES_HZ)
def test_a_recording_gets_its_label(engine: Engine, label: str) -> None:
    found = classify.classify(engine, "tones", whistled(label), top_k=2)
    assert (found.classifier, found.label, found.scores[0].label) == ("tones", label, label)
    assert [one.score for one in found.scores] == sorted((one.score for one in found.scores), reverse=True)
    assert (len(found.scores), found.threshold) == (2, HEAD.threshold)
    assert found.seconds == pytest.approx(0.8)


def test_each_channel_has_its_own_label(engine: Engine) -> None:
    both = np.stack([whistle("low", 1, 0), whistle("high", 1, 0)], axis=1)
    audio = soundfile_bytes(both, RATE_HZ, "FLAC")
    assert [classify.classify(engine, "tones", audio, channel=side).label for side in (0, 1)] == ["low", "high"]
    with pytest.raises(NoSuchChannel):
        classify.classify(engine, "tones", audio, channel=2)


def test_an_offset_changes_nothing(engine: Engine) -> None:
    shifted = as_wav((whistle("middle", 1, 0) + np.float32(0.3), RATE_HZ))
    plain, found = (classify.classify(engine, "tones", one).scores for one in (whistled("middle"), shifted))
    assert [one.score for one in found] == pytest.approx([one.score for one in plain], abs=0.02)


def test_what_is_no_audio_is_refused(engine: Engine) -> None:
    with pytest.raises(UnsupportedAudio):
        classify.classify(engine, "tones", b"no audio at all")


def test_a_classifier_that_is_not_there_is_refused_before_decoding(engine: Engine) -> None:
    for ask in (
        lambda: classify.classify(engine, "nothing", b"no audio"),
        lambda: identify(engine, galleries.get(engine, "default"), b"no audio", classifiers=("tones", "nothing")),
    ):
        with pytest.raises(ClassifierNotFound, match="'nothing'"):
            ask()


def test_the_list_has_every_card(engine: Engine) -> None:
    (found,) = classify.listed(engine)
    assert (found.name, found.labels, found.backbone) == ("tones", tuple(TONES_HZ), "tones")
    assert (found.license, found.figures) == (CARD.license, CARD.figures)


def test_a_damaged_classifier_is_left_out_of_the_list_and_named_in_the_log(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (write_tones(tmp_path / "classifiers", "broken") / "head.npz").write_bytes(b"PK")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert [one.name for one in classify.listed(engine)] == ["tones"]
    assert caplog.text.count("classifier broken is left out") == 1


def test_an_engine_without_a_folder_has_none(open_engine: EngineMaker, store_url: str) -> None:
    engine = open_engine(store_url)
    assert classify.listed(engine) == ()
    with pytest.raises(ClassifierNotFound):
        classify.classify(engine, "tones", whistled("low"))


@pytest.mark.parametrize(
    ("given", "names"),
    [("", ()), ("a", ("a",)), ("a, b,a", ("a", "b")), (["b", "a", "b"], ("b", "a")), (",", ())],
)
def test_names_are_asked_once_each(given: str | list[str], names: tuple[str, ...]) -> None:
    assert classify.names(given) == names


class CountingPreparer(Preparer):
    def __init__(self) -> None:
        super().__init__(SileroVad())
        self.decoded = 0

    def decode(self, audio: bytes | Samples, *, channel: Channel = "mix", lost: OnLost = unasked) -> FloatArray:
        self.decoded += 1
        return super().decode(audio, channel=channel, lost=lost)


def test_identify_decodes_once_for_speaker_and_labels(engine: Engine, tmp_path: Path) -> None:
    write_tones(tmp_path / "classifiers", "other", bias=(0.0, 99.0, 0.0))
    add_speaker(engine, "Ada", probe_of(engine, utterance(ADA)))
    preparer = CountingPreparer()
    found = identify(
        replace(engine, preparer=preparer), galleries.get(engine, "default"), probe(ADA), classifiers=("other", "tones")
    )
    assert (found.decision, preparer.decoded) == ("accept", 1)
    assert [one.classifier for one in found.classes] == ["other", "tones"]
    assert found.classes[0].label == "middle"
    assert found.classes[1] == classify.classify(engine, "tones", probe(ADA))


def test_identify_asks_no_classifier_unless_told_to(engine: Engine) -> None:
    assert identify(engine, galleries.get(engine, "default"), probe(ADA)).classes == ()


def test_labels_need_no_speech(engine: Engine) -> None:
    found = identify(engine, galleries.get(engine, "default"), whistled("low"), classifiers=("tones",), top_k=1)
    assert (found.decision, found.classes[0].label, len(found.classes[0].scores)) == ("not_enough_speech", "low", 1)
    assert identify(engine, galleries.get(engine, "default"), silence(), classifiers=("tones",)).classes != ()
