"""Names of people: what is accepted, and how two spellings of one name compare."""

from __future__ import annotations

import re
import unicodedata

from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.lookalikes import mixes_scripts

MAX_NAME_CHARACTERS = 120
MAX_NAME_WORDS = 10
MAX_MARKS = 4  # on one letter: UTS-39 section 5.4
LINEAGES = frozenset({"a/l", "a/p", "s/o", "d/o"})
"""Son of, daughter of, in Malaysian and Singaporean names: the only words with a slash."""

# Apostrophes (ASCII, typographic, okina, Hebrew geresh), hyphens (maqaf, Armenian), full stop and comma, and what divides
# words in Catalan, Chinese, Japanese, Tibetan and Ethiopic.
_PUNCTUATION = frozenset(
    " -'.,\u2018\u2019\u02bb\u02bc\u05f3\u05f4\u2010\u2011\u2013\u05be\u058a\u00b7\u2027\u30fb\u30a0\uff65\u0f0b\u1361"
)
_IN_A_ROW = re.compile(f"[{re.escape(''.join(_PUNCTUATION))}]{{2,}}")
_DIGIT_FOR_LETTER = re.compile(r"\d(?!(?:st|nd|rd|th)\b)[^\W\d_]", re.IGNORECASE)  # 5mith, but 3rd, and Tester17
_ROWS_OF_NAMES = frozenset({".-", ".,", "'-", "\u2019-"})  # J.-P. Sartre, King Jr., ...
# Shown as nothing, though by category they are letters and marks: default ignorable in Unicode, category not Cf.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})
_STYLED = ("<font>", "<circle>", "<square>", "<super>", "<sub>", "<fraction>")  # mathematical, circled, raised letters
_ORDINALS = frozenset("ªº")  # Mª is María


def clean_name(raw: str, field: str = "name") -> str:
    """The name as it is stored and shown: NFC, single spaces, its own script.

    Raises:
        InvalidRequest: when it is empty, too long, mixes scripts as no name does, or has characters that no name has
            (control, bidirectional and zero-width characters, symbols, marks in a row). Such text is refused, not repaired:
            it would be shown to people and models.
    """
    if not isinstance(raw, str):
        raise InvalidRequest(field, "must be text")
    name = unicodedata.normalize("NFC", " ".join(re.split(r"[^\S\t-\r\x1c-\x1f\x85\u2028\u2029]+", raw))).strip(" ")
    _check_length(name, field)
    for word in name.split(" "):
        if word.lower() not in LINEAGES:
            _check_word(word, field)
    if not any(char.isalpha() for char in name):
        raise InvalidRequest(field, f"has no letter: {name!r}" if name else "is empty", "Give the person's full name.")
    if reason := mixes_scripts(name):
        raise InvalidRequest(field, reason, "Type the name again in one script.")
    return name


def name_key(name: str) -> str:
    """The form in which two spellings of one name compare equal: NFKC, case-folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _check_length(name: str, field: str) -> None:
    if len(name) > MAX_NAME_CHARACTERS or name.count(" ") >= MAX_NAME_WORDS:
        raise InvalidRequest(
            field, f"is longer than {MAX_NAME_WORDS} words or {MAX_NAME_CHARACTERS} characters", "Give the name as it is used."
        )


def _check_word(word: str, field: str) -> None:
    for char in word:
        _check_character(char, field)
    for row in _IN_A_ROW.findall(word):
        if row not in _ROWS_OF_NAMES:
            raise InvalidRequest(field, f"has {row!r}, which no name has", "Give the name alone.")
    if _DIGIT_FOR_LETTER.search(word):
        raise InvalidRequest(field, f"has a digit in a letter's place: {word!r}", "Give the name in letters.")
    if _too_many_marks(unicodedata.normalize("NFD", word)):
        raise InvalidRequest(field, f"has marks that no letter carries: {word!r}", "Type the name again.")


def _check_character(char: str, field: str) -> None:
    category = unicodedata.category(char)
    if category in _INVISIBLE_CATEGORIES or _INVISIBLE.match(char):
        raise InvalidRequest(
            field, f"has the invisible or control character U+{ord(char):04X}", "Type the name again without it."
        )
    if char in _ORDINALS or char in _PUNCTUATION:
        return
    styled = unicodedata.decomposition(char).startswith(_STYLED)
    if styled or not (category[0] in "LM" or category == "Nd"):
        raise InvalidRequest(field, f"has {char!r} (U+{ord(char):04X}), which no name has", "Give the name alone.")


def _too_many_marks(decomposed: str) -> bool:
    """More marks than a letter carries, the same mark twice, or a mark on no letter."""
    row, previous = 0, ""
    for place, char in enumerate(decomposed):
        row = row + 1 if unicodedata.category(char)[0] == "M" else 0
        if row > MAX_MARKS or (row and (row == place + 1 or char == previous)):
            return True
        previous = char
    return False
