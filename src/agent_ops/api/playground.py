"""LangServe's own playground as files: a page that makes a form of a runnable's schema, runs it, and shows what comes of it.

Its packaged page is served with one change: the script within it is a file of its own, so that the policy header lets no script
in that does not come from here. The page's validator, Ajv, makes functions of text, which that policy forbids, too; it is
given one that finds everything valid. What is sent is checked where it always is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from starlette.responses import FileResponse, HTMLResponse, Response

from agent_ops.api.pages import POLICY as PAGES_POLICY

POLICY = PAGES_POLICY.replace(" worker-src blob:;", "")
HEADERS = {"Content-Security-Policy": POLICY, "Cross-Origin-Opener-Policy": "same-origin"}
START = "start.js"
_NO_EVAL = "window.Function = new Proxy(Function, {construct: () => () => () => true});\n"
_SCRIPT = re.compile(r"<script>.*?</script>", re.DOTALL)
_TYPES = {".js": "text/javascript", ".css": "text/css", ".ico": "image/vnd.microsoft.icon"}


class Page:
    """The files of one runnable's page. None but these can be asked for, whatever a path looks like.

    Args:
        path: where the page lies, such as ``/langserve/planner/playground``.
        asked: what the runnable takes.
        told: what it answers.
    """

    def __init__(self, path: str, asked: type[BaseModel], told: type[BaseModel]) -> None:
        self._files = dict(_packaged())
        html = self._files.pop("index.html").read_text(encoding="utf-8")
        html, count = _SCRIPT.subn(f'<script src="{path}/{START}"></script>', html.replace("/____LANGSERVE_BASE_URL", path))
        assert count == 1, "langserve's page is not the one that this was made for"  # noqa: S101
        self._html, self._start = html, _NO_EVAL + _said(asked, told)

    def file(self, name: str) -> Response | None:
        """One of the files; the empty name is the page."""
        if name == "":
            return HTMLResponse(self._html, headers=HEADERS)
        if name == START:
            return Response(self._start, media_type="text/javascript")
        found = self._files.get(name)
        return FileResponse(found, media_type=_TYPES.get(found.suffix)) if found else None


def _packaged() -> Iterator[tuple[str, Path]]:
    base = Path(str(files("langserve") / "playground" / "dist"))
    for file in sorted(base.rglob("*")):
        if file.is_file():
            yield file.relative_to(base).as_posix(), file


def _said(asked: type[BaseModel], told: type[BaseModel]) -> str:
    """What the packaged page says in its inline script."""
    said: dict[str, Any] = {
        "CONFIG_SCHEMA": {"type": "object", "properties": {}},
        "INPUT_SCHEMA": for_forms(asked.model_json_schema()),
        "OUTPUT_SCHEMA": told.model_json_schema(),
        "FEEDBACK_ENABLED": "false",
        "PUBLIC_TRACE_LINK_ENABLED": "false",
    }
    return "".join(f"window.{name} = {json.dumps(value)};\n" for name, value in said.items())


def for_forms(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of which the page can make a form.

    It takes a choice's last branch, which is null for everything optional; it sends along what has a default, and so half a hire
    with every task.
    """
    branches = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(branches) == 1:
        schema = {**{name: value for name, value in schema.items() if name != "anyOf"}, **branches[0]}
    kept = {name: value for name, value in schema.items() if name in _OF_FORMS}
    for name in ("properties", "$defs"):
        if name in kept:
            kept[name] = {key: for_forms(one) for key, one in kept[name].items() if "const" not in one}
    return {**kept, "items": for_forms(kept["items"])} if "items" in kept else kept


_OF_FORMS = frozenset({"$defs", "$ref", "type", "format", "enum", "description", "properties", "items", "required"})


def filled_in(value: Any) -> Any:
    """What a person said: forms send empty texts, lists and objects for what nobody touched."""
    if isinstance(value, Mapping):
        return {name: said for name, one in value.items() if (said := filled_in(one)) not in _BLANK}
    return [filled_in(one) for one in value] if isinstance(value, list) else value


_BLANK: tuple[Any, ...] = (None, "", [], {})
