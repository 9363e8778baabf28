"""What was fitted is found by the encoder's fingerprint, wherever its file lies and whatever that is called."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from speakerid.encoders.fake import FakeEncoder
from speakerid.encoders.registry import FITTED
from speakerid.errors import CalibrationUnreadable
from speakerid.scoring.calibration import Calibration, generic
from speakerid.scoring.coach import UNFITTED
from speakerid.scoring.fitted import Fitted, find, find_or_generic


def fitted(fingerprint: str, slope: float = 20.0) -> Calibration:
    return replace(generic(fingerprint), domains=("made up",), slope=slope)


@pytest.mark.parametrize("name", ["mine.json", "f.json", "campplus.json"])
def test_a_file_is_found_by_what_it_holds(tmp_path: Path, name: str) -> None:
    (tmp_path / "another.json").write_text(Fitted(fitted("other")).to_json())
    (tmp_path / name).write_text(Fitted(fitted("f")).to_json())
    assert find("f", [tmp_path]) == Fitted(fitted("f"))
    assert find("g", [tmp_path]) is None


def test_the_first_folder_goes_first_and_none_has_to_exist(tmp_path: Path) -> None:
    mine, shipped = tmp_path / "mine", tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "a.json").write_text(Fitted(fitted("f", slope=1.0)).to_json())
    folders = [tmp_path / "nowhere", mine, shipped]
    assert find_or_generic("f", folders).calibration.slope == 1.0
    mine.mkdir()
    (mine / "z.json").write_text(Fitted(fitted("f", slope=2.0)).to_json())
    assert find_or_generic("f", folders).calibration.slope == 2.0


def test_an_encoder_without_a_fit_starts_from_the_prior(tmp_path: Path) -> None:
    assert find_or_generic("f", [tmp_path]) == Fitted(generic("f"), UNFITTED)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"calibration": {}, "limits": null}', '{"calibration": 1}', "\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.json").write_text(text)
    with pytest.raises(CalibrationUnreadable, match=r"broken\.json is not .* Remove the file"):
        find("f", [tmp_path])


EDITS = {
    "argument: 'slope'": ('"slope": 20.0, ', ""),
    "'strangers' is missing": ('"strangers"', '"stranger"'),
    "calibration.slope is '-20.0'": ('"slope": 20.0', '"slope": -20.0'),
    "calibration.slope is 'inf'": ('"slope": 20.0', '"slope": Infinity'),
    "calibration.slope is '1000": ('"slope": 20.0', f'"slope": 1{"0" * 400}'),
    "calibration.strangers.deviation is '-": ('"deviation": ', '"deviation": -'),
    "calibration.strangers.narrowing is '-1000000.0'": ('"narrowing": 0.22', '"narrowing": -1e6'),
    "calibration.domains are not names": ('["made up"]', "[1]"),
    "calibration.slope is '20.0'": ('"slope": 20.0', '"slope": "20.0"'),
    "calibration.slope is 'None'": ('"slope": 20.0', '"slope": null'),
    "calibration.slope is 'nan'": ('"slope": 20.0', '"slope": NaN'),
    "calibration.strangers.mean is 'True'": ('"mean": 0.2', '"mean": true'),
    "calibration.domains is 'made up'": ('["made up"]', '"made up"'),
    "Expecting ',' delimiter": ('"slope": 20.0,', '"slope": 20.0'),
}


@pytest.mark.parametrize("reason", EDITS)
def test_a_file_that_was_edited_wrongly_says_where_and_what_to_do(tmp_path: Path, reason: str) -> None:
    text = json.dumps(json.loads(Fitted(fitted("f")).to_json()))
    assert EDITS[reason][0] in text
    (tmp_path / "edited.json").write_text(text.replace(*EDITS[reason]))
    with pytest.raises(CalibrationUnreadable) as caught:
        find("f", [tmp_path])
    assert f"{tmp_path / 'edited.json'} is not a calibration" in str(caught.value)
    assert reason in str(caught.value)
    assert "KeyError" not in str(caught.value)


def test_limits_lie_beside_the_calibration() -> None:
    shipped = find(FakeEncoder().fingerprint, [FITTED])
    assert shipped is not None
    assert shipped.limits is not UNFITTED
    assert Fitted.from_json(shipped.to_json()) == shipped
