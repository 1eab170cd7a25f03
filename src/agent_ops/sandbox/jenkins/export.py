"""How Jenkins turns its objects into JSON: exported properties with a visibility, cut by ``depth=`` or by ``tree=``.

This follows Stapler, the framework under Jenkins (classes ``ExportedBean``, ``TreePruner``, ``NamedPathPruner``): an object
that lies deeper in the answer shows only its more visible properties, and only properties that are shown are computed.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
Json = dict[str, Any]

_MAX_DEPTH = 4  # a real controller takes any depth and may choke on it
_MAX_NESTING = 100
_TOKEN = re.compile(r"[,\[\]{}]|[^,\[\]{}]+")


class MalformedQueryError(ValueError):
    """The ``tree`` or ``depth`` of a request cannot be understood; Jenkins answers 400."""


@dataclass(frozen=True)
class Prop(Generic[T]):
    """One exported property. 1 is shown on the object that was asked for, 2 and more also on objects below it.

    The objects in an ``inline`` property are shown as fully as the one that holds them (``@Exported(inline = true)``).
    """

    get: Callable[[T], Any]
    visibility: int = 1
    inline: bool = False


@dataclass(frozen=True)
class Bean(Generic[T]):
    """An object with its Java class name and the properties that it exports."""

    cls: str
    model: Mapping[str, Prop[T]]
    subject: T


@dataclass(frozen=True)
class Many(Generic[T]):
    """A list of beans, made only for the part of it that the request asks for."""

    subjects: Sequence[T]
    make: Callable[[T], Bean[Any]]


def plain(cls: str, fields: Mapping[str, Any], visibility: int = 1) -> Bean[None]:
    """A bean whose values are known already, all of one visibility."""
    return Bean(cls, {name: Prop(_always(value), visibility) for name, value in fields.items()}, None)


def _always(value: Any) -> Callable[[None], Any]:
    return lambda _: value


class Pruner(Protocol):
    """Decides what of an object is shown, and which part of a list."""

    @property
    def bounds(self) -> slice:
        """The part of a list that is shown."""

    def enter(self, name: str, prop: Prop[Any]) -> Pruner | None:
        """The pruner for the value of a property, or nothing when the property is left out."""


@dataclass(frozen=True)
class ByDepth:
    """``depth=N``: everything that is visible enough for its level."""

    level: int
    bounds: slice = field(default_factory=lambda: slice(None))

    def enter(self, name: str, prop: Prop[Any]) -> ByDepth | None:
        if prop.visibility < self.level:
            return None
        return self if prop.inline else _by_level(self.level + 1)


@lru_cache(maxsize=64)
def _by_level(level: int) -> ByDepth:
    return ByDepth(level)


@dataclass
class ByTree:
    """``tree=a,b[c]{0,5}``: the named properties only, ``*`` for any."""

    children: dict[str, ByTree] = field(default_factory=dict)
    bounds: slice = field(default_factory=lambda: slice(None))

    def enter(self, name: str, prop: Prop[Any]) -> ByTree | None:
        return self.children.get(name) or self.children.get("*")


class _TreeReader:
    """Recursive descent over the grammar ``list := node (',' node)*``, ``node := name ['[' list ']'] ['{' range '}']``."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = _TOKEN.findall(text)
        self._at = 0

    def read(self) -> ByTree:
        tree = self._list(0)
        if self._at != len(self._tokens):
            raise MalformedQueryError(f"expected EOF at token {self._at}")
        return tree

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _accept(self, token: str) -> bool:
        found = self._peek() == token
        self._at += found
        return found

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise MalformedQueryError(f"expected {token} at token {self._at}")

    def _list(self, nesting: int) -> ByTree:
        if nesting > _MAX_NESTING:
            raise MalformedQueryError("nested too deeply")
        tree = ByTree()
        self._node(tree, nesting)
        while self._accept(","):
            self._node(tree, nesting)
        return tree

    def _node(self, tree: ByTree, nesting: int) -> None:
        name = self._peek()
        if name in ("", ",", "[", "]", "{", "}"):
            raise MalformedQueryError(f"expected name at token {self._at}")
        self._at += 1
        node = ByTree()
        if self._accept("["):
            node = self._list(nesting + 1)
            self._expect("]")
        if self._accept("{"):
            node.bounds = self._range()
            self._expect("}")
        tree.children[name] = node

    def _range(self) -> slice:
        if self._accept(","):
            return slice(0, self._number())
        start = self._number()
        if self._peek() == "}":
            return slice(start, start + 1)
        self._expect(",")
        return slice(start, None if self._peek() == "}" else self._number())

    def _number(self) -> int:
        text = self._peek()
        if not re.fullmatch("[0-9]{1,9}", text):
            raise MalformedQueryError(f"expected number at token {self._at}")
        self._at += 1
        return int(text)


@lru_cache(maxsize=512)
def parse_tree(text: str) -> ByTree:
    """The pruner for a ``tree=`` expression; the caller must not change it."""
    return _TreeReader(text).read()


def pruner_for(query: Mapping[str, str]) -> Pruner:
    """What the query of an ``/api/`` request asks for. ``tree`` overrides ``depth``, as in Jenkins.

    https://www.jenkins.io/doc/book/using/remote-access-api/ (depth control)
    """
    if "tree" in query:
        return parse_tree(query["tree"])
    depth = query.get("depth", "0")
    if not re.fullmatch("[+-]?[0-9]{1,9}", depth):
        raise MalformedQueryError("Depth parameter must be a number")
    return _by_level(1 - min(int(depth), _MAX_DEPTH))


def export(bean: Bean[Any], pruner: Pruner) -> Json:
    """The answer for an object."""
    out: Json = {"_class": bean.cls}
    for name, prop in bean.model.items():
        inner = pruner.enter(name, prop)
        if inner is not None:
            out[name] = _value(prop.get(bean.subject), inner)
    return out


def _value(value: Any, pruner: Pruner) -> Any:
    if isinstance(value, Bean):
        return export(value, pruner)
    if isinstance(value, Many):
        return [export(value.make(subject), pruner) for subject in value.subjects[pruner.bounds]]
    if isinstance(value, (list, tuple)):
        return [_value(element, pruner) for element in value[pruner.bounds]]
    return value


def as_json(value: Json, pretty: bool) -> str:
    """The JSON flavour (``/api/json``)."""
    if pretty:
        return json.dumps(value, indent=2, separators=(",", " : "), ensure_ascii=False)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def as_python(value: Any) -> str:
    """The Python literal flavour (``/api/python``): JSON with ``None``, ``True`` and ``False``."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{as_python(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_python, value)) + "]"
    if value is None or isinstance(value, bool):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def as_xml(value: Json) -> str:
    """The XML flavour (``/api/xml``): the element is named after the class, lists are repeated elements."""
    name = value["_class"].rpartition(".")[2].rpartition("$")[2]
    root = ET.Element(name[:1].lower() + name[1:])
    _fill(root, value)
    return ET.tostring(root, encoding="unicode")


def _fill(element: ET.Element, value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "_class":
                element.set(key, inner)
            else:
                _append(element, key, inner)
    elif value is not None:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)


def _append(parent: ET.Element, key: str, value: Any) -> None:
    elements = value if isinstance(value, list) else [value]
    for element in elements:
        if element is not None:
            _fill(ET.SubElement(parent, key), element)
