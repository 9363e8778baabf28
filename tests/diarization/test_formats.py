from __future__ import annotations

import csv
import io

import pytest

from speakerid.diarization.formats import clock, csv_rows, labels, rttm, srt
from speakerid.diarization.picture import png
from speakerid.types import SpeakerRef
from tests.diarization.made import ADA, recording

TWO = recording(ADA, None)
NOBODY = recording()


def test_names_are_shown_and_ids_where_two_share_one() -> None:
    assert labels(TWO) == {"spk_1": "Ada B.", "unknown_2": "unknown_2"}
    assert labels(recording(ADA, SpeakerRef("spk_2", "Ada B."))) == {"spk_1": "spk_1", "spk_2": "spk_2"}


def test_rttm_has_ten_fields_a_turn() -> None:
    assert rttm(TWO, "my meeting") == (
        "SPEAKER my_meeting 1 0.250 1.500 <NA> <NA> Ada_B. <NA> <NA>\n"
        "SPEAKER my_meeting 1 2.250 1.500 <NA> <NA> unknown_2 <NA> <NA>\n"
    )
    assert rttm(recording(None, channel=1), "call").split()[2] == "2"


def test_subtitles_say_who_speaks() -> None:
    assert srt(TWO) == ("1\n00:00:00,250 --> 00:00:01,750\nAda B.\n\n2\n00:00:02,250 --> 00:00:03,750\nunknown_2\n\n")


def test_a_name_with_line_breaks_stays_one_subtitle() -> None:
    assert srt(recording(SpeakerRef("spk_1", "Ada\n\n9"))).splitlines()[2] == "Ada 9"


def test_csv_quotes_what_it_must() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_rows(recording(SpeakerRef("spk_1", 'B., "Ada"'), None, channel=1)))))
    assert (rows[0]["speaker"], rows[0]["llr"], rows[0]["channel"]) == ('B., "Ada"', "5.0000", "1")
    assert (rows[1]["voice"], rows[1]["speaker"], rows[1]["llr"]) == ("unknown_2", "", "")
    assert csv_rows(TWO).splitlines()[1] == "0.250,1.750,spk_1,Ada B.,,5.0000,0.9900,false"


@pytest.mark.parametrize("name", ["Ada", "$\\frac{", "名前"])
@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")  # no font has every script; the picture is drawn all the same
def test_the_picture_is_a_png_of_a_row_a_voice(name: str) -> None:
    one, three = png(recording(SpeakerRef("s", name))), png(recording(SpeakerRef("s", name), None, None))
    assert one.startswith(b"\x89PNG")
    assert _height(three) > _height(one)


def _height(picture: bytes) -> int:
    return int.from_bytes(picture[20:24], "big")


def test_nothing_said_is_nothing_written() -> None:
    assert (rttm(NOBODY, "x"), srt(NOBODY), len(csv_rows(NOBODY).splitlines())) == ("", "", 1)
    assert png(NOBODY).startswith(b"\x89PNG")


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, "0:00.0"), (59.96, "1:00.0"), (3725.5, "1:02:05.5")])
def test_the_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
