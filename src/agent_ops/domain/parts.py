"""Which part of a name is the given name and which the family name, as far as the name itself shows it.

Latin letters are taken in the order written, given name first; a script, a spelling or a patronymic that shows the other
order is believed. https://www.w3.org/International/questions/qa-personal-names says why no rule can do better.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from agent_ops.domain.names import LINEAGES
from agent_ops.domain.orders import in_order
from agent_ops.domain.romanise import romanise

APOSTROPHES = "'\u2018\u2019\u02bb\u02bc"
# They belong to the family name that they stand before (en.wikipedia.org/wiki/Nobiliary_particle, /Tussenvoegsel,
# /Arabic_name, /Irish_name, /Welsh_surnames); a first word never is one.
_PARTICLES = frozenset(
    """aan abd abdel abdul abn abu al ap av bar ben bin bint binte binti bn da dal dalla das de degli dei del della delle dello
    den der des di do dos du el fitz het ibn la las le los lo mac mc mhic ni nic op san sankt santa santo sint st saint sainte
    te ten ter tot ui umm und van vander vom von wa y zu zum zur""".split()  # noqa: SIM905 - read as words
)
_JOINING = "y"  # Spanish: Ortega y Gasset is one family name
_HALF_NAMES = frozenset({"abd", "abdal", "abdel", "abdul"})  # "servant of": nothing without what follows
# Exactly so written: Ii is a Japanese family name, Md a Bengali given name, MS may be initials.
_SUFFIXES = frozenset(
    {"Jr", "JR", "jr", "Sr", "SR", "sr", "II", "III", "IV", "PhD", "PHD", "MD", "MBA", "MSc", "BSc", "DDS", "Esq"}
)
_PORTUGUESE_SUFFIXES = frozenset({"junior", "filho", "neto", "sobrinho"})  # in a name of two words they are the family name
_TITLES = frozenset(
    title
    for word in ("dr", "prof", "mr", "mrs", "ms", "miss", "sir", "dame", "herr", "frau")
    for title in (word, word.capitalize())
)

_USUAL_SPELLING = {  # en.wikipedia.org/wiki/List_of_Korean_surnames: RR leaves family names to custom
    **{"김": "kim", "이": "lee", "박": "park", "최": "choi", "강": "kang", "조": "cho", "임": "lim", "신": "shin", "오": "oh"},
}


class Parts(NamedTuple):
    """Given and family name in ASCII, the latter empty for one word; and every written word, titles included."""

    given: str
    family: str
    words: tuple[str, ...]


def parts_of(name: str) -> Parts:
    """The parts of a cleaned name; the given name is empty when nothing of it can be written in ASCII."""
    name = unicodedata.normalize("NFKC", name)
    every = tuple(word for word in map(romanise, re.split(r"[\s.,]+", name)) if word)
    words = [word for word in in_order(_plain_words(name)) if romanise(word)]
    if len(words) < 2:
        return Parts("".join(map(romanise, words)), "", every)
    start = _start_of_family(words)
    return Parts(_given(words[:start]), _family(words[start:]), every)


def _plain_words(name: str) -> list[str]:
    """The words without titles, suffixes and full stops, given names first where a comma says so."""
    family, *others = [words for part in name.split(",") if (words := _without_suffixes(part.split()))] or [name.split()]
    words = [word for part in others for word in part] + family
    while len(words) > 1 and words[0].rstrip(".") in _TITLES:
        words = words[1:]
    kept = [word for word in words if word.lower() not in LINEAGES]
    return " ".join(kept).replace(".-", "-").replace(".", " ").split()


def _without_suffixes(words: list[str]) -> list[str]:
    while words and _is_suffix(words):
        words = words[:-1]
    return words


def _is_suffix(words: list[str]) -> bool:
    last = words[-1].replace(".", "")
    of_three = romanise(last) in _PORTUGUESE_SUFFIXES or last[:1].isdigit()
    return last in _SUFFIXES or (len(words) > 2 and of_three)


def _start_of_family(words: list[str]) -> int:
    start = len(words) - 1
    while start > 1 and _is_particle(words[start - 1]):
        start -= 2 if romanise(words[start - 1]) == _JOINING and start > 2 else 1
    return start


def _is_particle(word: str) -> bool:
    elided = word[-1] in APOSTROPHES or (word[0] in APOSTROPHES and len(word) == 2)  # O' Brien, 't Hooft
    return elided or word in ("Ó", "ó") or romanise(word) in _PARTICLES


def _given(words: list[str]) -> str:
    """The first given name; initials that begin the name stand together."""
    first = [romanise(word) for word in words]
    if first[0] in _HALF_NAMES and len(first) > 1:
        return "".join(first[: 3 if first[1] in ("al", "ul", "el") else 2])
    initials = next((place for place, word in enumerate(first) if len(word) > 1), len(first))
    return "".join(first[: max(initials, 1)])


def _family(words: list[str]) -> str:
    return "".join(_USUAL_SPELLING.get(word) or romanise(word) for word in words)
