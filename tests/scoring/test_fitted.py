"""What was fitted is found by the encoder's fingerprint, wherever its file lies and whatever that is called."""

from __future__ import annotations

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
    with pytest.raises(CalibrationUnreadable, match=r"broken\.json"):
        find("f", [tmp_path])


def test_limits_lie_beside_the_calibration() -> None:
    shipped = find(FakeEncoder().fingerprint, [FITTED])
    assert shipped is not None
    assert shipped.limits is not UNFITTED
    assert Fitted.from_json(shipped.to_json()) == shipped
