"""What docs/service.md says is what happens: its commands are run in their order by a shell."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.service.served import Service, key_for

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
KEY_LINE = re.compile(r"export (\w+)=\$\(agent-ops token create (\S+) (.*)\)")


@pytest.mark.slow
def test_the_commands_of_the_page_work(service: Service, tmp_path: Path) -> None:
    script = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL))
    keys = {
        variable: key_for(service.data_dir, *scopes.replace("--scope", "").split(), name=name)
        for variable, name, scopes in KEY_LINE.findall(script)
    }
    assert set(keys) == {"KEY", "DESK"}
    script = KEY_LINE.sub("", script).replace("http://127.0.0.1:8000", service.url)
    assert script.count("curl") > 8
    env = {"PATH": os.environ["PATH"], **keys}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        '"ready":true',
        '"refused":[]',
        "event: end",
        '"status":"done"',
        '"github":"verified"',
        '"emailid":""',
        '"name":"jenkins"',
        "web-1",
    ):
        assert words in done.stdout, f"no {words} in {done.stdout}"


def test_every_route_is_on_the_page(app: FastAPI) -> None:
    for path in app.openapi()["paths"]:
        last = f"`.../{path.rsplit('/', 1)[1]}`"
        assert f"{path}`" in PAGE or f"{path}," in PAGE or last in PAGE, path
