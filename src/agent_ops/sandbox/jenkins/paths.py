"""From an address to the object it means, step by step as Stapler does: ``/job/folder/job/name/lastBuild/console``."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from agent_ops.sandbox.jenkins.controller import Controller
from agent_ops.sandbox.jenkins.model import Build, Folder, Item, Job
from agent_ops.sandbox.jenkins.pages import not_found
from agent_ops.sandbox.jenkins.render import Renderer

_SPECIALS = ("queue", "computer", "crumbIssuer", "me", "whoAmI", "pluginManager")
_BUILT_IN = ("(master)", "(built-in)")
_MAX_DIGITS = 9


@dataclass(frozen=True)
class View:
    """The view 'all' of a folder."""

    folder: Folder


@dataclass(frozen=True)
class Special:
    """A part of the controller that exists once: its queue, its node set, the calling user."""

    name: str


@dataclass(frozen=True)
class Executor:
    """A place on the built-in node."""

    number: int


Node = Folder | View | Job | Build | Item | Special | Executor


def split(raw_path: str) -> list[str]:
    """The decoded segments of a path. Doubled and trailing slashes do not matter."""
    return [unquote(part, errors="replace") for part in raw_path.split("/") if part]


class Paths:
    """Looks objects up. What does not exist, or is not visible yet, is refused with 404."""

    def __init__(self, controller: Controller, renderer: Renderer) -> None:
        self._controller = controller
        self._renderer = renderer

    def resolve(self, parts: list[str]) -> tuple[Node, list[str]]:
        """The object, and the rest of the path, which names a page or an action of it."""
        self._controller.advance()
        node: Node = self._controller.root
        rest = parts
        while rest:
            found, used = self._step(node, rest)
            if found is None:
                break
            node, rest = found, rest[used:]
        return node, rest

    def _step(self, node: Node, rest: list[str]) -> tuple[Node | None, int]:
        if isinstance(node, Folder):
            return self._in_folder(node, rest)
        if isinstance(node, View):
            return self._in_view(node, rest)
        if isinstance(node, Job):
            return self._in_job(node, rest[0]), 1
        if isinstance(node, Special):
            return self._in_special(node.name, rest)
        return None, 0

    def _in_folder(self, folder: Folder, rest: list[str]) -> tuple[Node | None, int]:
        if rest[0] == "view" and len(rest) > 1:
            if rest[1].lower() != "all":
                raise not_found()
            return View(folder), 2
        if rest[0] == "job" and len(rest) > 1:
            return self._child(folder, rest[1]), 2
        if folder is self._controller.root:
            return self._at_root(rest)
        return None, 0

    def _in_view(self, view: View, rest: list[str]) -> tuple[Node | None, int]:
        if rest[0] == "job" and len(rest) > 1:
            return self._child(view.folder, rest[1]), 2
        return None, 0

    def _at_root(self, rest: list[str]) -> tuple[Node | None, int]:
        if rest[0] in _SPECIALS:
            return Special(rest[0]), 1
        if rest[:2] == ["user", self._controller.user]:
            return Special("me"), 2
        return None, 0

    def _child(self, folder: Folder, name: str) -> Node:
        child = folder.children.get(name)
        if child is None or (isinstance(child, Job) and "Job/Read" in child.denied):
            raise not_found()
        return child

    def _in_job(self, job: Job, name: str) -> Node | None:
        if name.startswith("last") and name.endswith("Build"):
            return self._permalink(job, name)
        number = _number(name)
        if number is None:
            return None
        build = job.builds.get(number)
        if build is None or not self._renderer.sees(build.started):
            raise not_found()
        return build

    def _permalink(self, job: Job, name: str) -> Build:
        build = self._renderer.newest(job)
        if name != "lastBuild":
            number = self._renderer.settled(job).last.get(name)
            build = None if number is None else job.builds[number]
        if build is None:
            raise not_found()
        return build

    def _in_special(self, name: str, rest: list[str]) -> tuple[Node | None, int]:
        if name == "queue" and rest[0] == "item" and len(rest) > 1:
            return self._item(rest[1]), 2
        if name == "computer" and rest[0] in _BUILT_IN:
            return Special("built-in"), 1
        if name == "built-in" and rest[0] == "executors" and len(rest) > 1:
            number = _number(rest[1])
            return (None, 0) if number is None else (Executor(number), 2)
        return None, 0

    def _item(self, text: str) -> Item:
        item = self._controller.items.get(_number(text) or 0)
        if item is None or not self._renderer.sees(item.since):
            raise not_found()
        return item


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None
