"""Names that look like other names: UTS-39's skeleton (section 4) and its mixed-script detection (section 5).

https://www.unicode.org/reports/tr39/ - the prototypes are Unicode's own (``confusables.txt``, read at first use), the
scripts come from ``regex``, whose tables follow Unicode.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import combinations, islice, product
from pathlib import Path
from typing import Any

MAX_LOOK_ALIKES = 64
"""How many local parts `look_alikes` gives at most: what a directory can be asked for in a few filters."""

MAX_IMITATIONS = 4
"""How many spellings `imitations` gives in one alphabet."""

_IMITATED = ("Cyrillic", "Greek")  # the alphabets that have whole words in common with the Latin one
_LOCAL_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
# UAX-31 table 5 (recommended) and table 7 (limited use): the scripts that somebody writes their name in today.
_RECOMMENDED = tuple(
    """Latin Cyrillic Greek Arabic Armenian Bengali Bopomofo Devanagari Ethiopic Georgian Gujarati Gurmukhi Hangul Han Hebrew
    Hiragana Kannada Katakana Khmer Lao Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan""".split()  # noqa: SIM905 - read as words
)
_LIMITED = tuple(
    """Adlam Balinese Bamum Batak Canadian_Aboriginal Chakma Cham Cherokee Hanifi_Rohingya Javanese Kayah_Li Lepcha Limbu Lisu
    Mandaic Meetei_Mayek Miao Mongolian New_Tai_Lue Newa Nko Nyiakeng_Puachue_Hmong Ol_Chiki Osage Saurashtra Sundanese
    Syloti_Nagri Syriac Tai_Le Tai_Tham Tai_Viet Tifinagh Vai Wancho Yi""".split()  # noqa: SIM905 - read as words
)
_EVERY = (*_RECOMMENDED, *_LIMITED)
_WRITING_SYSTEMS = (
    frozenset({"Han", "Hiragana", "Katakana"}),
    frozenset({"Han", "Bopomofo"}),
    frozenset({"Han", "Hangul"}),
)
# Each row may stand together in one word: UTS-39 5.2 "single script" and "highly restrictive".
_IN_A_WORD = (
    *(frozenset({script}) for script in _EVERY),
    *_WRITING_SYSTEMS,
    *(system | {"Latin"} for system in _WRITING_SYSTEMS),
)
# ... and these in one name, word beside word: "moderately restrictive".
_IN_A_NAME = (
    *_IN_A_WORD,
    *(frozenset({"Latin", script}) for script in _RECOMMENDED if script not in ("Cyrillic", "Greek")),
)


def skeleton(text: str) -> str:
    """What the text looks like: equal skeletons look alike. To compare, never to show.

    NFD, without default ignorable characters, each character replaced by its prototype, NFD; repeated until nothing
    changes, because a few prototypes have prototypes once decomposed.
    """
    previous = None
    while text != previous:
        previous = text
        visible = text if text.isascii() else _visible(unicodedata.normalize("NFD", text))
        text = unicodedata.normalize("NFD", visible.translate(_prototypes()))
    return text


def looks_like(one: str, other: str) -> bool:
    """Whether two display names can be taken for each other, whatever their scripts and their case."""
    return not faces(one).isdisjoint(faces(other))


def faces(text: str) -> frozenset[str]:
    """What a display name looks like, as written and in small letters: two names look alike when they share one."""
    words = " ".join(text.split())
    return frozenset({skeleton(words).casefold(), skeleton(words.casefold()).casefold()})


def imitations(text: str) -> tuple[str, ...]:
    """The text in letters of one other alphabet alone that look the same, at most `MAX_IMITATIONS` in each.

    Empty for a text in which a letter has no such likeness: 'Coco Pope' can be written in Cyrillic, 'Kim Lind' cannot.
    """
    plain = skeleton(text)
    found = (islice(map("".join, product(*_likenesses(plain, script))), MAX_IMITATIONS) for script in _IMITATED)
    return tuple(dict.fromkeys(other for others in found for other in others if other != text))


def alphabets(text: str) -> frozenset[str]:
    """The scripts of a text's letters, by the first words of their Unicode names."""
    return frozenset(unicodedata.name(char, "").partition(" ")[0] for char in text if char.isalpha())


def look_alikes(local_part: str) -> tuple[str, ...]:
    """The other ASCII local parts that look like this one in lower case, fewest differences first, at most `MAX_LOOK_ALIKES`.

    Addresses are shown in lower case: 0 and o, 1 and l, rn and m look alike, i and l do not.
    """
    own = local_part.lower()
    tokens = list(_tokens(own))
    open_places = [place for place, options in enumerate(tokens) if len(options) > 1]
    return tuple(islice(_respelled(tokens, open_places), MAX_LOOK_ALIKES))


def mixes_scripts(text: str) -> str | None:
    """Why the text mixes scripts that no name mixes; None when it does not.

    Allowed are one script, Japanese, Korean and Chinese writing with or without Latin letters, and Latin words beside words
    of one other script, Cyrillic and Greek excepted (UTS-39 5.2, "moderately restrictive").
    """
    if text.isascii():
        return None
    for word in text.split():
        if reason := _mix(word, _IN_A_WORD):
            return reason
    return _mix(text, _IN_A_NAME)


@cache
def _prototypes() -> dict[int, str]:
    data = Path(__file__).with_name("confusables.txt").read_bytes().decode("utf-8")
    return {ord(line[0]): line[1:] for line in data.split("\n") if line and not line.startswith("# ")}


def _likenesses(plain: str, script: str) -> Iterator[tuple[str, ...]]:
    """For each character of a skeleton those of the script that look like it; spaces and marks stay."""
    alike = _letters_of(script)
    for char in plain:
        yield alike.get(char, ()) if char.isalpha() else (char,)


@cache
def _letters_of(script: str) -> dict[str, tuple[str, ...]]:
    """The letters of a script by the one letter that they look like."""
    found: dict[str, tuple[str, ...]] = {}
    for code, looks in _prototypes().items():
        if len(looks) == 1 and looks.isalpha() and _scripts(chr(code)) == {script}:
            found[looks] = (*found.get(looks, ()), chr(code))
    return found


def _visible(text: str) -> str:
    return str(_pattern(r"\p{Default_Ignorable_Code_Point}").sub("", text))


def _tokens(own: str) -> Iterator[tuple[str, ...]]:
    """The local part cut into its smallest exchangeable pieces, each with its own spelling first."""
    spellings = _spellings()
    while own:
        piece = next((known for known in spellings if own.startswith(known)), own[0])
        yield (piece, *(other for other in spellings.get(piece, ()) if other != piece))
        own = own[len(piece) :]


@cache
def _spellings() -> dict[str, tuple[str, ...]]:
    """Every piece of a local part that can be spelled otherwise, longest first: rn -> (m, rn), 0 -> (0, o)."""
    alike: dict[str, set[str]] = {}
    for char in _LOCAL_CHARACTERS:
        face = skeleton(char).casefold()
        alike.setdefault(face, {face}).add(char)
    groups = [tuple(sorted(group)) for group in alike.values() if len(group) > 1]
    pairs = {piece: group for group in groups for piece in group}
    return dict(sorted(pairs.items(), key=lambda pair: (-len(pair[0]), pair[0])))


def _respelled(tokens: list[tuple[str, ...]], open_places: list[int]) -> Iterator[str]:
    for changes in range(1, len(open_places) + 1):
        for places in combinations(open_places, changes):
            for choice in product(*(tokens[place][1:] for place in places)):
                chosen = dict(zip(places, choice, strict=True))
                yield "".join(chosen.get(place, options[0]) for place, options in enumerate(tokens))


def _mix(text: str, allowed: tuple[frozenset[str], ...]) -> str | None:
    found = [_scripts(char) for char in text]
    if frozenset() in found:
        stranger = text[found.index(frozenset())]
        return f"has U+{ord(stranger):04X}, of a script in which no name is written today"
    if any(all(scripts & system for scripts in found) for system in allowed):
        return None
    return "mixes letters of " + " and ".join(
        dict.fromkeys(min(scripts, key=_rank) for scripts in found if len(scripts) < len(_EVERY))
    )


def _rank(script: str) -> int:
    return _EVERY.index(script)


@lru_cache(maxsize=4096)
def _scripts(char: str) -> frozenset[str]:
    """The scripts that the character is used in (Script_Extensions); all of them for what every script shares."""
    if _pattern(r"[\p{scx=Common}\p{scx=Inherited}]|[^\p{L}\p{M}\p{N}]").match(char):
        return frozenset(_EVERY)
    return frozenset(script for script in _EVERY if _pattern(rf"\p{{scx={script}}}").match(char))


@cache
def _pattern(expression: str) -> Any:
    import regex  # noqa: PLC0415 - only names beyond ASCII need it, and it takes 40 ms

    return regex.compile(expression)
