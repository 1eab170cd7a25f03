"""The notebooks run from top to bottom, and show what they say; they are kept without outputs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SHOWN = {
    "1_first_onboarding.ipynb": ("entra.create", "ana.silva@acme.example", "'done'", "(True, 0)", "'denied'"),
    "2_inside_the_graph.ipynb": ("graph TD;", "step account: create the company account", "saw ", "finish: ", "'succeeded'"),
    "3_recommendations.ipynb": ("'nDCG@10'", "auto held", "image/png"),
}


def test_every_notebook_is_tried() -> None:
    assert {file.name for file in NOTEBOOKS.glob("*.ipynb")} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_it_is_kept_without_outputs(name: str) -> None:
    cells = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]
    assert [c["id"] for c in cells if c["cell_type"] == "code" and (c["outputs"] or c["execution_count"])] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
async def test_it_runs_and_shows_what_it_says(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib.font_manager")  # its first import lists the machine's fonts, and may say that it does
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    client = NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(tmp_path)}})
    await asyncio.wait_for(client.async_execute(), 110)
    shown = json.dumps([cell["outputs"] for cell in notebook.cells if cell.cell_type == "code"])
    for words in SHOWN[name]:
        assert words in shown, words
    assert "stderr" not in shown, shown
