"""The texts that requests may hold, as patterns that every regular-expression engine reads alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

_NO_LETTERS: tuple[tuple[int, int], ...] = (
    *((0x00, 0x26), (0x28, 0x2B), (0x2F, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0xA9), (0xAB, 0xB6), (0xB8, 0xB9)),
    *((0xBB, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x2000, 0x200F), (0x2014, 0x2017), (0x201A, 0x2026), (0x2028, 0x206F), (0x20A0, 0x2BFF)),
    *((0x2E00, 0x2E7F), (0x2FF0, 0x3004), (0x3008, 0x3029), (0x3030, 0x3030), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFF), (0x1D000, 0x1FFFF)),
)
"""What stands in no name: controls, symbols, what is invisible, steers or decorates; spaces divide words.

Tags and what is private use are left to ``Profile``, which refuses them, too: who generates names from the contract
needs time for each character that is left out, and Schemathesis gave up.
"""


def _character(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else chr(code)  # engines differ in how they write what is beyond


def _class(ranges: Iterable[tuple[int, int]]) -> str:
    return "".join(f"{_character(first)}-{_character(last)}" for first, last in ranges)


def _day(value: object) -> object:
    """A day as ISO 8601 writes it: no number, no moment."""
    if not (isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value))):
        raise ValueError("write a day as YYYY-MM-DD")
    return value


_WORD = f"[^{_class(_NO_LETTERS)}]+"
NAME = f"^ *{_WORD}(?: +{_WORD}){{0,9}} *$"
ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$"
PHONE = r"^\+?(?:[ ()./-]{0,3}[0-9]){5,20}[ ()./-]{0,3}$"
VISIBLE = r"^[!-~]+(?: [!-~]+)*$"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
ITEM = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"

Name = Annotated[str, StringConstraints(pattern=NAME, max_length=120)]
NameOrAddress = Annotated[str, StringConstraints(pattern=f"{NAME}|{ADDRESS}", max_length=120)]
Address = Annotated[str, StringConstraints(pattern=ADDRESS, max_length=200)]
Phone = Annotated[str, StringConstraints(pattern=PHONE, max_length=100)]
Code = Annotated[str, StringConstraints(pattern=VISIBLE, max_length=200)]
Day = Annotated[date, Field(strict=False), BeforeValidator(_day)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Item = Annotated[str, StringConstraints(pattern=ITEM, max_length=80)]
Uuid = Annotated[str, StringConstraints(pattern=UUID)]
Reason = Annotated[str, StringConstraints(max_length=500), Field(description="Why, in words.")]
