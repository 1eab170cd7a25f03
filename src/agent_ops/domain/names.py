"""Names of people: what is accepted, and how two spellings of one name compare."""

from __future__ import annotations

import unicodedata

from agent_ops.domain.errors import InvalidRequest

MAX_NAME_CHARACTERS = 120
MAX_NAME_WORDS = 10
_PUNCTUATION = set(" -'.,\u2019\u02bc\u00b7\u30fb\u2010\u02bb")


def clean_name(raw: str, field: str = "name") -> str:
    """The name as it is stored and shown: NFC, single spaces, its own script.

    Raises:
        InvalidRequest: when it is empty, too long, or has characters that no name has (control, bidirectional and
            zero-width characters, symbols). Such text is refused, not repaired: it would be shown to people and models.
    """
    if not isinstance(raw, str):
        raise InvalidRequest(field, "must be text")
    name = unicodedata.normalize("NFC", raw).strip(" ")
    for char in name:
        _check_character(char, field)
    name = " ".join(name.split())
    if not any(unicodedata.category(char).startswith("L") for char in name):
        raise InvalidRequest(field, "is empty" if not name else f"has no letter: {name!r}", "Give the person's full name.")
    if len(name) > MAX_NAME_CHARACTERS or len(name.split()) > MAX_NAME_WORDS:
        raise InvalidRequest(field, f"is longer than {MAX_NAME_WORDS} words or {MAX_NAME_CHARACTERS} characters")
    return name


def _check_character(char: str, field: str) -> None:
    category = unicodedata.category(char)
    if category in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"):
        raise InvalidRequest(
            field, f"has the invisible or control character U+{ord(char):04X}", "Type the name again without it."
        )
    if category[0] in "LM" or category == "Nd" or char in _PUNCTUATION:
        return
    raise InvalidRequest(field, f"has {char!r} (U+{ord(char):04X}), which no name has", "Give the name alone.")


def name_key(name: str) -> str:
    """The form in which two spellings of one name compare equal: NFKC, case-folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
