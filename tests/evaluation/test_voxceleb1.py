from __future__ import annotations

import pytest

from speakerid.encoders.fake import FakeEncoder
from speakerid.evaluation.errors import ContaminatedEncoder
from speakerid.evaluation.voxceleb1 import UNKNOWN, Protocol, asked_about, guard, reason

DEV = ("VoxCeleb1-dev", "VoxCeleb2")  # the published SpeechBrain models


@pytest.mark.parametrize(
    ("trained_on", "contaminated"),
    [
        (DEV, {"E", "H", "identification", "open-set"}),
        (("VoxCeleb2",), set()),
        (("voxceleb2_dev",), set()),
        (("LibriSpeech train-clean-100",), set()),
        (("VoxCeleb1",), {"O", "E", "H", "identification", "open-set"}),
        (("VoxCeleb",), {"O", "E", "H", "identification", "open-set"}),
        (("VoxCeleb1 test",), {"O", "E", "H", "identification", "open-set"}),
        (("vox celeb1_train",), {"E", "H", "identification", "open-set"}),
    ],
)
def test_which_protocols_ask_about_speakers_of_the_training_data(
    trained_on: tuple[str, ...], contaminated: set[Protocol]
) -> None:
    protocols: tuple[Protocol, ...] = ("O", "E", "H", "identification", "open-set")
    assert {one for one in protocols if reason(trained_on, one)} == contaminated


def test_refused_with_the_reason_and_what_is_valid() -> None:
    encoder = FakeEncoder(name="ecapa", trained_on=DEV)
    with pytest.raises(ContaminatedEncoder, match=r"trained on VoxCeleb1-dev.*Valid for it: VoxCeleb1-O\. "):
        guard(encoder, "E", allow=False)
    assert guard(encoder, "O", allow=False) == []


def test_allowed_figures_are_stamped() -> None:
    (stamp,) = guard(FakeEncoder(name="ecapa", trained_on=DEV), "E", allow=True)
    assert stamp.startswith("CONTAMINATED: ecapa")


def test_unknown_training_is_stamped() -> None:
    assert guard(FakeEncoder(), "O", allow=False) == [UNKNOWN]


@pytest.mark.parametrize(
    ("names", "protocol"),
    [
        (["id10270/a/1.wav", "id10309-b-1"], "O"),
        (["id10270/a/1.wav", "wav/id10001/a/1.wav"], "E"),
        (["id11251/a/1.wav"], "E"),
        (["id00012/a/1.m4a", "id09272/a/1.m4a"], None),  # VoxCeleb2
        (["ada/1.wav"], None),
    ],
)
def test_the_names_of_a_list_show_whose_speech_it_holds(names: list[str], protocol: Protocol | None) -> None:
    assert asked_about(names) == protocol
