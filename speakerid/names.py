"""Names of people: when two are the same, and which characters they may not have.

A name is stored and printed as it was given. It is looked up by its key, which is the same for every way of writing it:
composed or decomposed (macOS, Korean), in capitals (also of German and Turkish), with other blanks, wide and narrow
letters (Japanese), presentation forms and stretching strokes (Arabic), straight and curly apostrophes, and characters
that no one sees. Accents tell names apart: Zoe is not Zoë.
"""

from __future__ import annotations

import csv
import io
import re
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import PurePath

NAME_LENGTH = 200  # the most that a name has
QUOTED_LENGTH = 200
KEY_LENGTH = 600  # of a name of 200 characters; only ligatures of whole sentences become more, and are cut
# Ways to write the same letter, by their tag in the Unicode database. Others, such as <super>, mean something else.
_SAME_LETTER = ("<wide>", "<narrow>", "<isolated>", "<initial>", "<medial>", "<final>", "<noBreak>")
_UNSEEN = re.compile(  # the Default_Ignorable_Code_Points of Unicode, and the stretching stroke of Arabic
    "[\u00ad\u034f\u061c\u0640\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")  # in PostgreSQL; in UTF-8
_AS_TYPED = str.maketrans(
    {
        "ı": "i",  # I is the capital of both
        **dict.fromkeys("\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}", "'"),
        "\N{MODIFIER LETTER APOSTROPHE}": "'",
        "\N{HYPHEN}": "-",
    }
)
# What no name needs and printing must not pass on: controls, halves of characters (bytes that are not UTF-8), line
# breaks, signs that reorder or hide what follows, blanks without width, and what Unicode keeps free for programs.
# Not among them: the joiners of Persian, of Indian scripts and of emoji, variation selectors, tags (flags), and the
# marks that give a direction to a single place.
_REFUSED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b\u2028-\u202e\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0001\ud800-\udfff"
    + "".join(chr(plane + end) for plane in range(0, sys.maxunicode, 0x10000) for end in (0xFFFE, 0xFFFF))
    + "]"
)
_BLANKS = re.compile("[\u115f\u1160\u2800]")  # letters and signs that are blank


def name_key(name: str) -> str:
    """What all ways to write a name have in common: to look it up by, never to be shown. Empty for what is unseen."""
    letters = name[:KEY_LENGTH] if name.isascii() else "".join(map(_usual, name[:KEY_LENGTH]))
    folded = unicodedata.normalize("NFD", _UNSEEN.sub("", letters)).casefold().translate(_AS_TYPED)
    key = " ".join(unicodedata.normalize("NFC", folded.replace("i\u0307", "i")).split())
    return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", key)[:KEY_LENGTH]


def listed(text: str) -> list[str]:
    """Names with commas between them; one with a comma of its own stands in double quotes."""
    (found,) = csv.reader([" ".join(text.splitlines())], skipinitialspace=True)
    return [name for one in found if (name := one.strip())]


def joined(names: Iterable[str]) -> str:
    """The text that `listed` reads."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(names)
    return out.getvalue()


def printable(text: str) -> str:
    """With a replacement character for each that may do something to a terminal or to the text around it."""
    return _REFUSED.sub("\N{REPLACEMENT CHARACTER}", text)


def from_filename(file: str | PurePath) -> str | None:
    """A name made of a file's, without its suffix; None where nothing is left that could be shown."""
    plain = _REFUSED.sub("", PurePath(file).stem)[:NAME_LENGTH].strip()
    return None if fault(plain) else plain


def quoted(text: str) -> str:
    """For a sentence that repeats what was given: short, and without what printing must not pass on."""
    return f"'{printable(text if len(text) <= QUOTED_LENGTH else text[: QUOTED_LENGTH - 1] + '…')}'"


def quoted_path(path: object) -> str:
    """The same for a file, whose whole name is needed to find it."""
    return f"'{printable(str(path))}'"


def fault(name: str) -> str | None:
    """What is wrong with the characters of a name, as what it "has", and what to do; None where nothing is."""
    found = _REFUSED.search(name)
    if found is not None:
        return f"{_described(found[0])} at place {found.start() + 1}, which no name can have. Leave it out"
    if not any(unicodedata.category(one)[0] in "LNPS" for one in _BLANKS.sub("", _UNSEEN.sub("", name))):
        return "nothing that can be seen. Give a name with letters or digits"
    return None


def _usual(letter: str) -> str:
    tag = unicodedata.decomposition(letter).partition(" ")[0]
    return unicodedata.normalize("NFKC", letter) if tag in _SAME_LETTER else letter


def _described(character: str) -> str:
    point = f"U+{ord(character):04X}"
    if "\ud800" <= character <= "\udfff":
        return f"a byte or half a character that is not UTF-8 ({point})"
    return f"{point} {unicodedata.name(character, 'control or non-character')}"
