"""Patterns behind langchain-core's interface of vector stores, so that any retriever of that world can ask them.

https://reference.langchain.com/python/langchain_core/vectorstores/ A query is a profile: ``team=Data, level=L2``. A profile's
vector is the weighted one-hot code that `PatternIndex` keeps; no text model has a part in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.pattern import ATTRIBUTES, Pattern, PatternChanges
from agent_ops.memory.pattern_index import PatternIndex

_ASYNC = "The database is asked asynchronously: await a-{} instead."


class PatternRows(Protocol):
    """The rows behind the index."""

    async def changes(self, since: int) -> PatternChanges:
        """What changed after a version; a part of it, if it says that there is more."""

    async def contribute(self, contributor: str, profile: Mapping[str, str], items: Sequence[str]) -> bool:
        """Let one person count."""

    async def forget(self, contributor: str) -> bool:
        """Take away what a person counted for."""


class PatternVectorStore(VectorStore):
    """Patterns as documents. The ids of texts are people's; those of documents are patterns'.

    Synchronous searches answer from the index as it stands; asynchronous ones take over first what others changed.
    """

    def __init__(self, rows: PatternRows, index: PatternIndex | None = None) -> None:
        self.rows, self.index = rows, PatternIndex() if index is None else index

    async def refresh(self) -> None:
        """Take over what changed in the database."""
        more = True
        while more:
            changes = await self.rows.changes(self.index.version)
            self.index.refresh(changes)
            more = changes.more

    async def aadd_texts(
        self, texts: Iterable[str], metadatas: list[dict[str, Any]] | None = None, *, ids: list[str] | None = None, **_: Any
    ) -> list[str]:
        """Let people count: a profile for each, what they hold as ``items`` in its metadata, and the person's id.

        Raises:
            InvalidRequest: a profile or its items are missing, or a person has no id.
        """
        given = list(texts)
        if metadatas is None or ids is None or not len(given) == len(metadatas) == len(ids):
            raise InvalidRequest("ids", "each text needs an id and metadata with its items")
        profiles = [parsed(text) for text in given]
        for profile, metadata, contributor in zip(profiles, metadatas, ids, strict=True):
            await self.rows.contribute(contributor, profile, [str(item) for item in metadata.get("items", ())])
        return ids

    async def adelete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """Take away what people of these ids counted for; False when that was nothing."""
        return any([await self.rows.forget(contributor) for contributor in ids or ()])

    def add_texts(self, texts: Iterable[str], metadatas: list[dict[str, Any]] | None = None, **kwargs: Any) -> list[str]:
        """Only the asynchronous way exists: NotImplementedError."""
        raise NotImplementedError(_ASYNC.format("add_texts"))

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Only the asynchronous way exists: NotImplementedError."""
        raise NotImplementedError(_ASYNC.format("delete"))

    def similarity_search_with_score(self, query: str, k: int = 4, **_: Any) -> list[tuple[Document, float]]:
        """The nearest patterns with their similarity, 0 to 1."""
        return [(_document(pattern), near) for pattern, near in self.index.nearest(parsed(query), k)]

    def similarity_search(self, query: str, k: int = 4, **_: Any) -> list[Document]:
        """The nearest patterns."""
        return [document for document, _near in self.similarity_search_with_score(query, k)]

    async def asimilarity_search_with_score(self, query: str, k: int = 4, **_: Any) -> list[tuple[Document, float]]:
        """The nearest patterns of this moment with their similarity, 0 to 1."""
        await self.refresh()
        return self.similarity_search_with_score(query, k)

    async def asimilarity_search(self, query: str, k: int = 4, **_: Any) -> list[Document]:
        """The nearest patterns of this moment."""
        await self.refresh()
        return self.similarity_search(query, k)

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Patterns by their ids; what is not there is left out."""
        found = (self.index.get(int(one)) for one in ids if one.isdecimal())
        return [_document(pattern) for pattern in found if pattern]

    def _select_relevance_score_fn(self) -> Any:
        return lambda score: score

    @classmethod
    def from_texts(cls, texts: list[str], embedding: Embeddings, metadatas: list[dict[str, Any]] | None = None, **_: Any) -> Any:
        """Patterns live in the operations database: NotImplementedError."""
        raise NotImplementedError("Patterns live in the operations database: make the store over its rows.")


def parsed(text: str) -> dict[str, str]:
    """A profile from ``team=Data, level=L2, location=Pune``.

    Raises:
        InvalidRequest: an attribute is unknown, or none is given.
    """
    found = {}
    for part in filter(None, (one.strip() for one in re.split(r"[,\n]", text))):
        attribute, _, value = (word.strip() for word in part.partition("="))
        if attribute not in ATTRIBUTES or not value:
            raise InvalidRequest(repr(part[:40]), "is no attribute", f"Use ATTRIBUTE=VALUE of {', '.join(ATTRIBUTES)}.")
        found[attribute] = value
    if not found:
        raise InvalidRequest("profile", "is empty", "For example: team=Data, level=L2.")
    return found


def _document(pattern: Pattern) -> Document:
    text = ", ".join(f"{attribute}={pattern.profile[attribute]}" for attribute in ATTRIBUTES if attribute in pattern.profile)
    metadata = {"profile": dict(pattern.profile), "people": pattern.people, "items": dict(pattern.items)}
    return Document(id=str(pattern.id), page_content=text, metadata={**metadata, "last_seen": pattern.last_seen})
