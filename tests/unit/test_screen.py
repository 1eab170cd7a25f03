"""The screen: texts from outside are shown, and steer nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import agent_ops.cli
from agent_ops.cli.screen import Screen, json_text

HOSTILE = "a\x1b[2J\x1b]0;pwned\x07b\x9b31m\u202enimda\r\x08 [bold]x[/] [link=http://evil.example]y[/link]"


@pytest.mark.parametrize("shown", [HOSTILE, Text(HOSTILE), Padding(Text(HOSTILE), 1)])
def test_a_text_from_outside_is_shown_as_text(shown: object, capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(width=200)
    table = Table("x")
    table.add_row(shown)  # type: ignore[arg-type]
    screen.print(shown)
    screen.print(table)
    with Live(table, console=screen, refresh_per_second=50):
        screen.print(shown)
    said = capsys.readouterr().out
    assert not set(said) & set("\x1b\x07\x9b\u202e\r\x08")
    assert said.count("nimda [bold]x[/] [link=http://evil.example]y[/link]") >= 4


def test_json_keeps_every_value_and_shows_nothing_unseen() -> None:
    data = {"name": "Zoë 山田", "detail": HOSTILE + "\U000e0041\u2028\u200b"}
    said = json_text(data)
    assert json.loads(said) == data
    assert "Zoë 山田" in said
    assert all(char.isprintable() or char == "\n" for char in said)


def test_nothing_of_the_command_line_goes_round_the_screen() -> None:
    for file in Path(agent_ops.cli.__file__).parent.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert file.name == "screen.py" or not re.search(r"(?<!\w)Console\(|ensure_ascii=False", text), file
