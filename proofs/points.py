"""Points at which a process can be killed, read out of the code: nobody keeps a list, so nothing that comes is left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import agent_ops
from agent_ops.runtime.agent_ops import AgentOps

SOURCE = Path(agent_ops.__file__).parent
BEFORE, AFTER = "before", "after"
MODULE = "<module>"
"""The name of what a module does outside its functions."""
_WORDS = 72


@dataclass
class Function:
    """A function or method of the package. ``names`` is everything that it mentions: what it may call, seen generously."""

    module: str
    path: str
    qualname: str
    names: set[str] = field(default_factory=set)
    awaits: list[str] = field(default_factory=list)
    commits: list[tuple[int, int, str]] = field(default_factory=list)


def sites(packages: tuple[str, ...], roots: tuple[str, ...]) -> dict[str, Function]:
    """The functions in ``packages`` that the ``roots`` (qualified names) can reach, by ``module:qualname``."""
    known = _functions(packages)
    by_name: dict[str, list[str]] = {}
    for key, function in known.items():
        by_name.setdefault(function.qualname.rpartition(".")[2], []).append(key)
    todo = [key for key, function in known.items() if function.qualname in roots]
    if len(todo) < len(roots):
        raise LookupError(f"not all of {roots} are in {packages}")
    reached: dict[str, Function] = {}
    while todo:
        key = todo.pop()
        if key not in reached:
            reached[key] = known[key]
            todo += [other for name in known[key].names for other in by_name.get(name, ())]
            todo += [around for around in _around(known[key]) if around in known]
    return dict(sorted(reached.items()))


def _around(function: Function) -> tuple[str, str]:
    """Where a function may find what it calls: in what its object or its module was set up with (tables of functions)."""
    owner = function.qualname.rpartition(".")[0]
    return f"{function.module}:{owner}.__init__", f"{function.module}:{MODULE}"


def await_points() -> list[str]:
    """Before and after every await that the door can reach in ledger, effectors and transport."""
    return [f"{name} | {when}" for function in awaiting().values() for name in function.awaits for when in (BEFORE, AFTER)]


def awaiting() -> dict[str, Function]:
    """The functions whose awaits are points."""
    return sites(("ledger", "effectors", "transport"), ("Ledger.perform", "Ledger.deliver_mails"))


def commit_points() -> list[str]:
    """Before and after the commit of every transaction that a running ``AgentOps`` can reach."""
    return [f"{name} | {when}" for _, _, _, name in commit_sites() for when in (BEFORE, AFTER)]


@cache
def commit_sites() -> tuple[tuple[str, int, int, str], ...]:
    """(file, first line, last line, name) of every ``.transaction(...)`` call."""
    kinds = [kind for kind in AgentOps.__mro__ if kind is not object]
    entered = ("__aenter__", "__aexit__", "_drive")
    public = [f"{kind.__name__}.{name}" for kind in kinds for name in vars(kind) if not name.startswith("_") or name in entered]
    reached = sites(("",), tuple(public))
    found = [(str(SOURCE / f.path), *commit) for f in reached.values() for commit in f.commits]
    return tuple(sorted(found))


@cache
def _functions(packages: tuple[str, ...]) -> dict[str, Function]:
    files = sorted({file for package in packages for file in (SOURCE / package).rglob("*.py")})
    return {f"{f.module}:{f.qualname}": f for file in files for f in Reader(file).functions()}


class Reader(ast.NodeTransformer):
    """Reads one module: its functions and, in ``tree``, the same code with every await made a point.

    ``__reach__(awaitable, name)`` and ``__reach_block__(manager, name)`` are what it calls; the watch provides them.
    """

    def __init__(self, file: Path) -> None:
        self._path = file.relative_to(SOURCE).as_posix()
        self._module = "agent_ops." + self._path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        self._scope: list[str] = []
        self._found: list[Function] = []
        self._current: Function | None = None
        self._locals: set[str] = set()
        self._names: dict[str, int] = {}
        self._outside = Function(self._module, self._path, MODULE)
        self._found.append(self._outside)
        self.tree: ast.Module = ast.fix_missing_locations(self.visit(ast.parse(file.read_text(encoding="utf-8"), str(file))))

    @classmethod
    def of(cls, module: str) -> Reader:
        """The reader of an importable module."""
        spec = find_spec(module)
        assert spec is not None and spec.origin is not None
        return cls(Path(spec.origin))

    def functions(self) -> Iterator[Function]:
        yield from self._found

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._inside(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self._locals:
            self._mention(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self._mention(node.attr)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if self._current and isinstance(node.func, ast.Attribute) and node.func.attr == "transaction":
            name = self._name("commit", node.lineno, "")
            self._current.commits.append((node.lineno, node.end_lineno or node.lineno, name))
        return self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        name = self._point("await", node.value)
        node = self.generic_visit(node)  # type: ignore[assignment]
        return ast.copy_location(ast.Await(_call("__reach__", node.value, name)), node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        names = [self._block(item.context_expr) for item in node.items]
        node = self.generic_visit(node)  # type: ignore[assignment]
        for item, name in zip(node.items, names, strict=True):
            item.context_expr = _call("__reach_block__", item.context_expr, name)
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        """Nested functions belong to the one around them."""
        if self._current is not None:
            return self.generic_visit(node)
        self._current = Function(self._module, self._path, ".".join([*self._scope, node.name]))
        self._found.append(self._current)
        stored = {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
        self._locals = stored | {argument.arg for argument in ast.walk(node) if isinstance(argument, ast.arg)}
        try:
            return self._inside(node)
        finally:
            self._current = None

    def _inside(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self._scope.append(node.name)
        try:
            return self.generic_visit(node)
        finally:
            self._scope.pop()

    def _mention(self, name: str) -> None:
        (self._current or self._outside).names.add(name)

    def _point(self, kind: str, value: ast.expr) -> str:
        name = self._name(kind, value.lineno, ast.unparse(value))
        if self._current is not None:
            self._current.awaits.append(name)
        return name

    def _block(self, value: ast.expr) -> str:
        name = self._name("async with", value.lineno, ast.unparse(value))
        if self._current is not None:
            self._current.awaits += [f"{name}, enter", f"{name}, exit"]
        return name

    def _name(self, kind: str, line: int, words: str) -> str:
        name = f"{self._path}:{line} {'.'.join(self._scope)}: {kind} {' '.join(words.split())[:_WORDS]}".rstrip()
        self._names[name] = self._names.get(name, 0) + 1
        return name if self._names[name] == 1 else f"{name} ({self._names[name]})"


def _call(name: str, value: ast.expr, point: str) -> ast.expr:
    return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), [value, ast.Constant(point)], []), value)
