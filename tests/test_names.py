"""Which names are the same, which characters no name has, and what of a text may be printed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerid.names import KEY_LENGTH, NAME_LENGTH, fault, from_filename, joined, listed, name_key, printable, quoted

SAME = {
    "composed and decomposed (macOS)": ("Zoë", "Zoe\u0308"),
    "Korean, as a Mac writes file names": ("김민준", unicodedata.normalize("NFD", "김민준")),
    "Vietnamese with two marks": ("Nguyễn", "Nguye\u0302\u0303n"),
    "capitals": ("Ada Lovelace", "ADA LOVELACE"),
    "German capitals": ("Weiß", "WEISS"),
    "German capital sharp s": ("Weiß", "WEI\u1e9e"),
    "Turkish capitals with a dot": ("İbrahim", "ibrahim"),
    "Turkish capitals within": ("Ibrahim", "İBRAHİM"),
    "Turkish capitals without a dot": ("Işık", "IŞIK"),
    "Greek final sigma": ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
    "blanks": ("Ada Lovelace", " Ada \t Lovelace\n"),
    "a blank that does not break": ("Ada Lovelace", "Ada\u00a0Lovelace"),
    "a blank of Japanese keyboards": ("山田 太郎", "山田\u3000太郎"),
    "wide letters": ("Ada", "Ａｄａ"),
    "wide digits": ("007", "００７"),
    "narrow katakana": ("ヤマダ", "ﾔﾏﾀﾞ"),
    "Arabic presentation forms": ("محمد", "\ufee3\ufea4\ufee4\ufeaa"),
    "Arabic stretching strokes": ("محمد", "محـــمد"),
    "a ligature of a font": ("Griffith", "Gri\ufb03th"),
    "a curly apostrophe": ("O'Brien", "O’Brien"),
    "a hyphen that does not break": ("Anne-Marie", "Anne\u2011Marie"),
    "Persian with and without a joiner": ("نیلوفر\u200cها", "نیلوفرها"),
    "an emoji with and without its variation": ("Ada \u2764", "Ada \u2764\ufe0f"),
    "a mark before it": ("Ada", "\ufeffAda"),
    "an unseen blank inside": ("Ada", "A\u200bda"),
}
DIFFERENT = {
    "accents": ("Zoe", "Zoë"),
    "German umlauts and their spelling": ("Müller", "Mueller"),
    "letters of other alphabets that look alike": ("Ada", "Аda"),
    "digits of other alphabets": ("3", "٣"),
    "powers": ("Ada2", "Ada²"),
    "circled digits": ("1", "①"),
    "leading zeros": ("007", "7"),
    "blanks or none": ("Ada B", "AdaB"),
    "a byte that is not UTF-8": ("Zo", "Zo\udceb"),
    "a dot at the end (Windows drops it)": ("Ada", "Ada."),
    "NUL": ("Ada", "A\0da"),
    "a person in space": ("👩", "👩\u200d🚀"),
    "case of Cherokee": ("Ꭰ", "Ꭱ"),
}


@pytest.mark.parametrize("what", SAME)
def test_two_ways_to_write_a_name_are_one_name(what: str) -> None:
    one, other = SAME[what]
    assert one != other
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize("what", DIFFERENT)
def test_two_names_stay_two(what: str) -> None:
    one, other = DIFFERENT[what]
    assert name_key(one) != name_key(other)


@given(st.text(max_size=200))
def test_a_key_can_be_stored_and_is_its_own(text: str) -> None:
    key = name_key(text)
    assert "\0" not in key
    assert len(key) <= KEY_LENGTH
    assert key.encode().decode() == key
    assert name_key(key) == key or len(key) == KEY_LENGTH


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=50))
def test_capitals_are_always_the_same_name(text: str) -> None:
    assert name_key(text.upper()) == name_key(text)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Ada\u202eevE", "U+202E RIGHT-TO-LEFT OVERRIDE at place 4"),
        ("\u2067Ada", "U+2067 RIGHT-TO-LEFT ISOLATE at place 1"),
        ("\ufeffAda", "U+FEFF ZERO WIDTH NO-BREAK SPACE at place 1"),
        ("A\u200bda", "U+200B ZERO WIDTH SPACE at place 2"),
        ("A\u00adda", "U+00AD SOFT HYPHEN at place 2"),
        ("Ada\uffff", "U+FFFF"),
        ("Ada\U0001fffe", "U+1FFFE"),
        ("Ada\ufdd0", "U+FDD0"),
        ("A\0da", "U+0000"),
        ("A\x1b[31mda", "U+001B"),
        ("A\x9bda", "U+009B"),
        ("A\nda", "U+000A"),
        ("A\u2028da", "U+2028 LINE SEPARATOR"),
        ("Zo\udceb", "not UTF-8 (U+DCEB)"),
        ("\ud800", "not UTF-8 (U+D800)"),
        ("\u200d", "nothing that can be seen"),
        ("\u3164\u3164", "U+3164 HANGUL FILLER"),
        ("\u115f\u1160", "nothing that can be seen"),
        ("\u2800", "nothing that can be seen"),
        ("\u0301", "nothing that can be seen"),
        ("\u200e\u200f", "nothing that can be seen"),
    ],
    ids=ascii,
)
def test_what_no_name_has_is_named(name: str, says: str) -> None:
    assert says in (fault(name) or "")


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "نیلوفر\u200cها",
        "क्\u200dष",
        "👩\u200d🚀",
        "👩🏽\u200d❤\ufe0f\u200d👨",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "שרה\u200f (A)",
        "Ada\u00a0L.",
        "007",
        "?",
        "\N{REPLACEMENT CHARACTER}",
        "\u1100\u1161",
        "a" * 1000,
    ],
    ids=ascii,
)
def test_what_people_are_called_is_a_name_and_is_printed_as_it_is(name: str) -> None:
    assert fault(name) is None
    assert printable(name) == name


def test_what_terminals_obey_is_not_printed() -> None:
    assert printable("a\x1b[31m\u202eb\ufeff\udcff\uffff\x9b") == "a�[31m�b����"


def test_what_was_given_is_repeated_short() -> None:
    assert quoted("O'Brien") == "'O'Brien'"
    assert quoted("a" * 1000) == f"'{'a' * 199}…'"
    assert quoted("a\x1b") == "'a�'"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ada, Ben ,", ["Ada", "Ben"]),
        ('"Lovelace, Ada", Ben', ["Lovelace, Ada", "Ben"]),
        ('Ada "the Countess" L.', ['Ada "the Countess" L.']),
        ("", []),
        (" , ", []),
        ("Ada\nBen", ["Ada Ben"]),
    ],
)
def test_a_list_of_names_has_commas_between_them(text: str, names: list[str]) -> None:
    assert listed(text) == names


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=10), min_size=1, max_size=5))
def test_a_list_comes_back_as_it_was_joined(names: list[str]) -> None:
    assert listed(joined(names)) == names


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/calls/Zoë 1.wav", "Zoë 1"),
        ("a.tar.gz", "a.tar"),
        ("caf\udce9.wav", "caf"),  # a byte that is not UTF-8, as Python spells it
        ("a\u202eb\n.wav", "ab"),
        ("\udce9.wav", None),
        (" .wav", None),
        ("x" * 220 + ".wav", "x" * NAME_LENGTH),
        ("63", "63"),  # a pipe of the shell
    ],
)
def test_a_file_gives_a_name_that_can_be_kept(file: str, name: str | None) -> None:
    assert from_filename(file) == name
