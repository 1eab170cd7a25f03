"""`agent-ops recommend evaluate|decide` as a user runs it: files in, predictions and figures out, bad rows named."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent_ops.cli import main
from tests.unit.test_recommender import company

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "access"


def write(path: Path, rows: list[object]) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def people(count: int, seed: int) -> list[object]:
    return [{"id": one.id, "profile": one.profile, "access": list(one.access)} for one in company(count, seed)]


def run(*args: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["recommend", *map(str, args)])
    return result.exit_code, result.stdout, result.stderr


def evaluated(tmp_path: Path, history: list[object], queries: list[object], *more: str) -> tuple[int, str, str]:
    files = ("--history", write(tmp_path / "h", history), "--queries", write(tmp_path / "q", queries), "--out", tmp_path / "p")
    return run("evaluate", *files, *more)


def test_evaluate_writes_predictions_and_prints_every_figure(tmp_path: Path) -> None:
    code, out, _ = evaluated(tmp_path, people(200, 0), people(30, 1), "--json")
    assert code == 0
    figures = json.loads(out)
    wanted = {"P@1", "P@5", "P@10", "R@5", "R@10", "R@20", "mAP", "nDCG@10", "auto-grant recall", "over-grant", "abstentions"}
    assert wanted | {"fit_s", "query_ms", "query_p99_ms", "memory_mb"} <= set(figures)
    assert figures["R@5"] > 0.9
    assert figures["over-grant"] <= 0.1
    rows = [json.loads(line) for line in (tmp_path / "p").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == [f"p{at}" for at in range(30)]
    assert set(rows[0]["items"][0]) == {"item", "score", "auto"}


def test_what_queries_hold_changes_no_prediction(tmp_path: Path) -> None:
    queries = people(20, 1)
    evaluated(tmp_path, people(150, 0), queries)
    told = (tmp_path / "p").read_text(encoding="utf-8")
    evaluated(tmp_path, people(150, 0), [{"id": row["id"], "profile": row["profile"]} for row in queries])  # type: ignore[index]
    assert (tmp_path / "p").read_text(encoding="utf-8") == told


def test_completion_says_what_it_revealed(tmp_path: Path) -> None:
    code, out, _ = evaluated(tmp_path, people(200, 0), people(30, 1), "--completion", "1", "--json")
    assert code == 0
    assert json.loads(out)["R-precision"] > 0.4
    row = json.loads((tmp_path / "p").read_text(encoding="utf-8").splitlines()[0])
    assert len(row["revealed"]) == 1
    assert row["revealed"][0] not in {one["item"] for one in row["items"]}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{not json", "row 2 is no JSON"),
        ("[1]", "row 2 is no object"),
        ({"id": "x", "profile": "Data", "access": []}, "row 2: profile"),
        ({"id": "x", "profile": {"a": {"b": 1}}, "access": []}, "row 2: profile"),
        ({"id": "x", "profile": {}, "access": "vpn"}, "row 2: access"),
        ({"id": "x", "profile": {}, "acces": ["vpn"]}, "row 2: access is missing"),
    ],
)
def test_a_bad_row_is_named_in_one_line(tmp_path: Path, row: object, said: str) -> None:
    code, out, err = evaluated(tmp_path, [*people(1, 0), row], people(1, 1))
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_odd_but_valid_rows_are_taken(tmp_path: Path) -> None:
    odd = [
        {"id": 1, "profile": {"n": 3, "l": ["é", None, 4], "x": None, "": ""}, "access": []},
        "",
        {"id": "", "access": ["ü", 7]},
    ]
    code, _, err = evaluated(tmp_path, [*odd, *people(3, 0)], odd)
    assert (code, err) == (0, "")
    assert evaluated(tmp_path, [], odd)[0] == 0
    assert evaluated(tmp_path, odd, [])[0] == 0


def test_decide_gives_a_probability_for_each_row(tmp_path: Path) -> None:
    for name, count in (("h", 400), ("q", 50)):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(["ACTION", "RESOURCE", "TEAM"])
            csv.writer(file).writerows((int(at % 5 > 0), at % 5, at % 7) for at in range(count))
    files = ("--history", tmp_path / "h", "--queries", tmp_path / "q", "--out", tmp_path / "p")
    code, out, _ = run("decide", *files, "--json")
    assert code == 0
    assert json.loads(out)["AUC"] > 0.95
    with (tmp_path / "p").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == [str(at) for at in range(1, 51)]
    assert all(0 <= float(row["approve"]) <= 1 for row in rows)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ACTION,RESOURCE\n1,2\n3,4\n", "row 3: ACTION"),
        ("ACTION,RESOURCE\n1\n", "row 2 has 1 values for 2"),
        ("RESOURCE\n1\n", "no column ACTION"),
        ("", "no column RESOURCE or ACTION"),
    ],
)
def test_a_bad_decision_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "h").write_text(text, encoding="utf-8")
    code, _, err = run("decide", "--history", tmp_path / "h", "--queries", tmp_path / "h", "--out", tmp_path / "p")
    assert code == 2
    assert said in err


@pytest.mark.skipif(not (SHARED / "abac_university.jsonl").exists(), reason="needs ../shared/data/access")
def test_the_shared_sets_can_be_read(tmp_path: Path) -> None:
    for name in ("abac_university", "abac_healthcare"):
        file = SHARED / f"{name}.jsonl"
        assert run("evaluate", "--history", file, "--queries", file, "--out", tmp_path / "p")[0] == 0
