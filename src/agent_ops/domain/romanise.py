"""Names in ASCII: anyascii's tables, and what a table of single characters cannot know.

Whoever is not content with the outcome gives the name in Latin letters: readings of Han characters and the short vowels of
Arabic and Hebrew are not in the script at all.
"""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

# ELOT 743 (Greek passports): digraphs, before the letters one by one. Text is lower case without accents here.
_GREEK = (
    (re.compile("ου"), "ou"),
    (re.compile("(?<=[αεη])υ(?=[αεηιοωβγδζλμνρ])"), "v"),
    (re.compile("(?<=[αεη])υ"), "f"),
    (re.compile("γ(?=[γξχ])"), "n"),
    (re.compile("^μπ"), "b"),
)
_ACCENT = re.compile("[\u0300\u0301\u0342\u0313\u0314\u0345]")
# Long vowels are written in Arabic, and ain is one at the start of a word; short vowels are not.
_ARABIC = str.maketrans({"ا": "a", "أ": "a", "إ": "i", "آ": "a", "ى": "a", "ة": "a"})
_FIRST_LETTERS = {"ع": "a", "ב": "b", "כ": "k", "פ": "p"}  # Hebrew: these are plosives at the start of a word
_PREPOSED_VOWEL = re.compile("([เ-ไເ-ໄ])([ก-ฮກ-ຮ])")  # Thai and Lao write these before the consonant, and read them after it
_REPEATED = re.compile("(.)々")
_INDIC = range(0x0900, 0x0E00)
_ISCII = range(0x0900, 0x0D80)  # these blocks are laid out alike: the offset within 128 tells the letter
_AS_SPOKEN = {0x1A: "ch", 0x1B: "chh", 0x36: "sh", 0x37: "sh"}
_WITH_NUKTA = {"ज": "z", "फ": "f"}
_EXCEPTIONS = {"ச": "s", "ච": "ch", "ඡ": "chh", "ශ": "sh", "ෂ": "sh"}
_SILENT_ENDING = ("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI")
_VIRAMA = 9  # canonical combining class: this consonant has no vowel


def romanise(word: str) -> str:
    """One word in lower-case ASCII letters, digits and inner hyphens; empty when nothing of it can be written so."""
    text = unicodedata.normalize("NFKC", word).replace("\u00b7", "")  # Catalan l·l
    for rewrite in (_greek, _semitic, _indic):
        text = rewrite(text)
    text = _PREPOSED_VOWEL.sub(r"\2\1", _REPEATED.sub(r"\1\1", text))
    text = re.sub("[^a-z0-9-]", "", anyascii(text).lower())
    return re.sub("-+", "-", text).strip("-")


def _greek(word: str) -> str:
    if not re.search("[\u0370-\u03ff\u1f00-\u1fff]", word):
        return word
    text = unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", word.lower())))
    for pattern, latin in _GREEK:
        text = pattern.sub(latin, text)
    return text


def _semitic(word: str) -> str:
    return (_FIRST_LETTERS.get(word[:1], word[:1]) + word[1:]).translate(_ARABIC)


def _indic(word: str) -> str:
    """Writes the vowel a that a bare Indic consonant carries, except at the end of a word where it is silent."""
    if not any(ord(char) in _INDIC for char in word):
        return word
    return "".join(_letter(word, place) + _vowel(word, place) for place in range(len(word)))


def _letter(word: str, place: int) -> str:
    char, following = word[place], word[place + 1 : place + 2]
    name = unicodedata.name(char, "")
    if "NUKTA" in unicodedata.name(following or " ", "") and char in _WITH_NUKTA:
        return _WITH_NUKTA[char]
    if "VOCALIC R" in name:
        return "ri"
    if "SIGN ANUSVARA" in name or "TIPPI" in name:
        return "n" if following and anyascii(following)[:1] not in tuple("pbm") else "m"
    if ord(char) in _ISCII and unicodedata.category(char) == "Lo":
        return _AS_SPOKEN.get(ord(char) % 0x80, char) if char not in _EXCEPTIONS else _EXCEPTIONS[char]
    return _EXCEPTIONS.get(char, char)


def _vowel(word: str, place: int) -> str:
    if not _is_consonant(word[place]):
        return ""
    following = [char for char in word[place + 1 : place + 3] if "NUKTA" not in unicodedata.name(char, "")]
    if following and _binds(following[0]):
        return ""
    after_cluster = place > 0 and unicodedata.combining(word[place - 1]) == _VIRAMA
    silent = not following and place > 0 and unicodedata.name(word[place]).startswith(_SILENT_ENDING)
    return "" if silent and not after_cluster else "a"


def _is_consonant(char: str) -> bool:
    if ord(char) not in _INDIC or unicodedata.category(char) != "Lo":
        return False
    name = unicodedata.name(char, "")
    dead = any(word in name for word in ("CHILLU", "KHANDA", "VOCALIC"))
    return not dead and anyascii(char)[:1].lower() not in tuple("aeiou'")


def _binds(char: str) -> bool:
    """Whether a mark takes the place of the inherent vowel."""
    name = unicodedata.name(char, "")
    return unicodedata.combining(char) == _VIRAMA or "VOWEL SIGN" in name or "LENGTH MARK" in name
