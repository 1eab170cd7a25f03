"""`agent-ops recommend evaluate --pictures`: PNG files that show the data, and a clear word where matplotlib is missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from agent_ops.memory.patterns import Person
from agent_ops.memory.recommender import Recommendation
from agent_ops.memory.views import precision_by_coverage, shares_held
from tests.acceptance.test_recommend_command import evaluated, people

FILES = ("access-by-team-and-level.png", "precision-coverage.png")


def drawn(directory: Path) -> list[bytes]:
    assert sorted(file.name for file in directory.iterdir()) == list(FILES)
    return [(directory / name).read_bytes() for name in FILES]


def test_the_pictures_are_png_files_that_change_with_the_data(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    several = []
    for seed in (0, 1):
        directory = tmp_path / f"pictures-{seed}"
        assert evaluated(tmp_path, people(60, seed), people(20, seed + 2), "--pictures", str(directory))[0] == 0
        several.append(drawn(directory))
    for one, other in zip(*several, strict=True):
        assert one.startswith(b"\x89PNG\r\n\x1a\n")
        assert one != other
    assert evaluated(tmp_path, people(60, 0), people(20, 2), "--pictures", str(tmp_path / "again"))[0] == 0
    assert drawn(tmp_path / "again") == several[0]


def test_what_the_figures_show_is_the_data() -> None:
    pytest.importorskip("matplotlib")
    from agent_ops.runtime.pictures import curve_figure, shares_figure

    asked = [Person("a", {}, ("x", "y")), Person("b", {}, ("x", "z")), Person("nobody is judged by this one", {})]
    sure, likely, unlikely = (("x", 0.9, 0.8, True), ("y", 0.7, 0.6, False), ("q", 0.2, 0.1, False))
    listed = [Recommendation(*one) for one in (sure, likely, unlikely)]
    curve = precision_by_coverage(asked, [listed] * 3)
    assert [(p.score, p.precision, p.coverage) for p in curve.points] == [(0.9, 1, 0.5), (0.7, 0.75, 0.75), (0.2, 0.5, 0.75)]
    assert (curve.auto, curve.recommended) == curve.points[:2]
    lines = {str(line.get_label()): line.get_xydata().tolist() for line in curve_figure(curve).axes[0].lines}  # type: ignore[union-attr]
    assert lines["all items from a score up"] == [[0.5, 1], [0.75, 0.75], [0.75, 0.5]]
    assert lines["auto: score ≥ 0.90, precision 100%, coverage 50%"] == [[0.5, 1]]

    team = [Person(str(at), {"team": "$\\x$", "level": "L1"}, ("all", "half")[: 1 + at % 2]) for at in range(4)]
    shares = shares_held([*team, Person("e", {"team": "B"}, ("all",))], ("team", "level"))
    assert (shares.groups, shares.sizes, shares.items) == ([("$\\x$", "L1"), ("B", "(none)")], [4, 1], ["all", "half"])
    figure = shares_figure(shares, ("team", "level"))
    figure.canvas.draw()  # a name with dollar signs is no formula
    axes = figure.axes[0]
    assert axes.images[0].get_array().tolist() == [[1, 0.5], [1, 0]]  # type: ignore[union-attr]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["$\\x$ · L1  (4)", "B · (none)  (1)"]


def test_the_auto_mark_is_where_the_printed_figures_say(tmp_path: Path) -> None:
    code, out, _ = evaluated(tmp_path, people(200, 0), people(30, 1), "--json")
    figures = json.loads(out)
    assert code == 0
    asked = [Person(row["id"], row["profile"], tuple(row["access"])) for row in people(30, 1)]  # type: ignore[index]
    rows = [json.loads(line)["items"] for line in (tmp_path / "p").read_text(encoding="utf-8").splitlines()]
    mark = precision_by_coverage(asked, [[Recommendation(**one, low=0.0) for one in items] for items in rows]).auto
    assert mark is not None
    assert (mark.coverage, mark.precision) == pytest.approx((figures["auto-grant recall"], 1 - figures["over-grant"]))


def test_without_matplotlib_the_extra_is_named_before_anything_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = evaluated(tmp_path, people(20, 0), people(5, 1), "--pictures", str(tmp_path / "pictures"))
    assert (code, out) == (2, "")
    assert "matplotlib is not installed. Install it with: pip install 'agent-ops[pictures]'" in err
    assert not (tmp_path / "p").exists()
    assert evaluated(tmp_path, people(20, 0), people(5, 1))[0] == 0  # nothing else needs it


@pytest.mark.parametrize(("more", "said"), [(("--by", "dept"), "attribute 'dept'"), (("--completion", "1"), "--completion")])
def test_what_cannot_be_drawn_is_said_at_once(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    pytest.importorskip("matplotlib")
    code, _, err = evaluated(tmp_path, people(20, 0), people(5, 1), "--pictures", str(tmp_path / "pictures"), *more)
    assert (code, (tmp_path / "p").exists()) == (2, False)
    assert said in err
