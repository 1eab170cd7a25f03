"""Skeletons, mixed scripts, and the local parts that look like a given one."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agent_ops
from agent_ops.domain.lookalikes import (
    MAX_IMITATIONS,
    MAX_LOOK_ALIKES,
    imitations,
    look_alikes,
    looks_like,
    mixes_scripts,
    skeleton,
)

PROTOTYPES = Path(agent_ops.__file__).parent / "domain" / "confusables.txt"
LOCAL_PARTS = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=40)


def lines() -> list[str]:
    return [line for line in PROTOTYPES.read_bytes().decode("utf-8").split("\n") if line and not line.startswith("# ")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("раураl", "paypal"),  # UTS-39 section 4: Cyrillic letters in a Latin word
        ("paypa1", "paypal"),
        ("O0oI1l|", "OOollll"),
        ("modern", "rnodern"),
        ("Сосо", "Coco"),
        ("ℓ𝐚", "la"),
        ("Zoë", "Zoe\u0308"),
        ("Zo\u200be", "Zoe"),
        ("ѕсоре", "scope"),
    ],
)
def test_skeletons(text: str, expected: str) -> None:
    assert skeleton(text) == unicodedata.normalize("NFD", expected)


@given(st.text(max_size=40))
def test_a_skeleton_is_its_own_skeleton(text: str) -> None:
    assert skeleton(skeleton(text)) == skeleton(text)
    assert skeleton(unicodedata.normalize("NFC", text)) == skeleton(unicodedata.normalize("NFD", text))


def test_every_character_of_unicodes_table_has_the_skeleton_of_its_prototype() -> None:
    assert len(lines()) > 5000
    for line in lines():
        assert skeleton(line[0]) == skeleton(line[1:])
        assert skeleton(skeleton(line[0])) == skeleton(line[0])


@pytest.mark.parametrize(
    "name",
    [
        "Alice Chen",
        "Zoë Müller-Łukasz",
        "山田 さくら タロウ",
        "李ㄒㄧㄠ",
        "김哲秀",
        "Ken山田",
        "David 김",
        "Priya शर्मा",
        "Նարեկ Smith",
        "Ольга Ковальчук",
        "Γιώργος Παπάς",
        "ᏣᎳᎩ",
        "Nǃxau ǂToma",
        "Oʻtkir Gʻulomov",
        "約翰·史密斯",
        "מ׳ כהן",
        "Ana ٣",
    ],
)
def test_scripts_that_names_mix(name: str) -> None:
    assert mixes_scripts(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("\u0410lice Chen", "mixes letters of Cyrillic and Latin"),
        ("Alice Чен", "mixes letters of Latin and Cyrillic"),
        ("Alice Γιώργου", "mixes letters of Latin and Greek"),
        ("Ольга Γιώργου", "mixes letters of Cyrillic and Greek"),
        ("Owen \u0585wens", "mixes letters of Armenian and Latin"),
        ("Priyaश", "mixes letters of Latin and Devanagari"),
        ("Т山", "mixes letters of Cyrillic and Han"),
        ("さくら 김", "mixes letters of Hiragana and Hangul"),
        ("Ꮪam", "mixes letters of Cherokee and Latin"),
        ("Sam Ꮪmith", "mixes letters of Cherokee and Latin"),
        ("\U00010380", "has U+10380, of a script in which no name is written today"),
    ],
)
def test_scripts_that_no_name_mixes(name: str, reason: str) -> None:
    assert mixes_scripts(name) == reason


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Сосо", "Coco", True),  # whole-script: each is of one script
        ("СОСО", "coco", True),
        ("Alice  Chen", "alice chen", True),
        ("Conor O’Brien", "Conor O'Brien", True),
        ("Iee", "lee", True),
        ("Bemd", "Bernd", True),
        ("ADAM TOM", "adam tom", True),
        ("Alice Chen", "Alice Chan", False),
        ("Ali", "All", False),
        ("Zoë", "Zoe", False),
    ],
)
def test_display_names_that_look_alike(one: str, other: str, alike: bool) -> None:
    assert looks_like(one, other) is alike
    assert looks_like(other, one) is alike


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Coco Pope", "Сосо Роре"),
        ("Xoce", "Хосе"),
        ("Eva Poo", "Ενα Ροο"),
        ("Ενα Ροο", "Еѵа Роо"),
        ("Ana-Kim", None),
        ("王芳", None),
    ],
)
def test_imitations_are_names_in_one_other_alphabet(name: str, other: str | None) -> None:
    found = imitations(name)
    assert other in found if other else found == ()
    assert len(found) <= 2 * MAX_IMITATIONS
    assert all(looks_like(name, one) and one != name for one in found)


@pytest.mark.parametrize(
    ("local", "others"),
    [
        ("ana.silva", ("ana.si1va",)),
        ("eve", ()),
        ("bernd", ("bemd",)),
        ("Bemd", ("bernd",)),
        ("kim", ("kirn",)),
        ("tom", ("t0m", "torn", "t0rn")),
        ("lee10", ("1ee10", "leel0", "lee1o", "1eel0", "1ee1o", "leelo", "1eelo")),
    ],
)
def test_local_parts_that_look_alike(local: str, others: tuple[str, ...]) -> None:
    assert look_alikes(local) == others


def test_look_alikes_are_bounded_and_the_most_deceptive_come_first() -> None:
    found = look_alikes("mommsen.molloy.lollo")
    assert len(found) == MAX_LOOK_ALIKES
    assert found[:2] == ("rnommsen.molloy.lollo", "m0mmsen.molloy.lollo")


@given(LOCAL_PARTS)
def test_look_alikes_are_other_spellings_with_one_skeleton_and_bounded(local: str) -> None:
    found = look_alikes(local)
    assert len(set(found)) == len(found) <= MAX_LOOK_ALIKES
    assert local not in found
    assert found == look_alikes(local)
    for other in found:
        assert other.isascii()
        assert skeleton(other).casefold() == skeleton(local).casefold()
    if len(found) < MAX_LOOK_ALIKES:
        assert all(local in look_alikes(other) for other in found)


def test_nothing_is_read_before_a_name_is() -> None:
    check = (
        "import sys; from agent_ops.domain import addresses, lookalikes;"
        "print('regex' in sys.modules, lookalikes._prototypes.cache_info().currsize)"
    )
    assert subprocess.check_output([sys.executable, "-c", check], text=True).split() == ["False", "0"]
