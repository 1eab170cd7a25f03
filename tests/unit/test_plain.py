"""Text from outside, made harmless to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_ops.domain.plain import last_lines, one_line, unlinked

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Mn"]),
        st.sampled_from("\x1b[]\x9b\x07;\r\n\u202e\u200b\u0301"),
    ),
    max_size=400,
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1b]0;never ended, and what follows is still read", "0;never ended, and what follows is still read"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("pay\u200bpal \u2066x\u2069", "paypal x"),
        ("a\r\nBcc: b@evil.example\rc\u2028d\x85e", "a Bcc: b@evil.example c d e"),
        ("tab\tand  spaces", "tab and spaces"),
        ("\ud800\ue000", "\ufffd\ufffd"),
        ("e" + "\u0301" * 99, "é" + "\u0301" * 6),
        ("山田 花子", "山田 花子"),
        ("محمد علي", "محمد علي"),
        ("नमस्ते", "नमस्ते"),
    ],
)
def test_what_is_left_of_it(raw: str, shown: str) -> None:
    assert one_line(raw, 100) == shown


@given(HOSTILE, st.integers(1, 60))
def test_one_line_is_one_bounded_visible_line(raw: str, limit: int) -> None:
    shown = one_line(raw, limit)
    assert len(shown) <= limit
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert one_line(shown, limit) == shown


@given(HOSTILE, st.integers(1, 5), st.integers(1, 60))
def test_last_lines_are_bounded_visible_lines(raw: str, count: int, limit: int) -> None:
    lines = last_lines(raw, count, limit)
    assert len(lines) <= count
    assert all(line.strip() and len(line) <= limit for line in lines)
    assert not {unicodedata.category(char) for line in lines for char in line} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_the_end_of_a_console_is_kept_with_its_indentation() -> None:
    console = "\n".join(f"line {n}" for n in range(50)) + "\n\n  indented\r\n\tFinished: FAILURE\n"
    assert last_lines(console, 3, 40) == ("line 49", "  indented", "    Finished: FAILURE")


def test_a_megabyte_is_read_in_no_time() -> None:
    assert one_line("\x1b]" * 500_000, 10) == ""
    assert one_line("\x1b]" + "a" * 1_000_000, 10) == "aaaaaaaaa…"
    assert len(last_lines("\x1b[" * 500_000, 5, 10)) <= 5


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("see https://evil.example/login", "see https[:]//evil.example/login"),
        ("HTTP://EVIL.EXAMPLE", "HTTP[:]//EVIL.EXAMPLE"),
        ("www.evil.example", "www[.]evil.example"),
        ("mailto:x@evil.example javascript:alert(1)", "mailto[:]x@evil.example javascript[:]alert(1)"),
        ("code: AADSTS7000215 at 10:30", "code: AADSTS7000215 at 10:30"),
    ],
)
def test_nothing_becomes_a_link_by_itself(raw: str, shown: str) -> None:
    assert unlinked(raw) == shown
    assert unlinked(shown) == shown


@given(HOSTILE)
def test_no_scheme_is_left(raw: str) -> None:
    assert "://" not in unlinked(raw)
