"""Files and directories as the contents API writes them: https://docs.github.com/rest/repos/contents."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping

from agent_ops.sandbox.github.files import MAX_CONTENT, File, tree
from agent_ops.sandbox.github.render import Renderer, identity
from agent_ops.sandbox.github.seeds import ORGANISATION, RepositorySeed, digest
from agent_ops.sandbox.records import Document

_WEB, _RAW = "https://github.com", "https://raw.githubusercontent.com"
_MAX_ENTRIES = 1000
_FRAGMENT = 60  # characters on each side of what a search found
_SEARCHABLE = 384 * 1024  # bytes: larger files are not in the index


class Contents:
    """Reads the trees of the site's repositories."""

    def __init__(self, base: Renderer) -> None:
        self._base = base

    def at(self, seed: RepositorySeed, path: str, ref: str) -> Document | list[Document] | None:
        """A file, or what is directly in a directory; None when there is neither."""
        files = tree(seed, ref) if seed.commits else {}
        if path in files:
            return self._file(seed, path, files[path], ref)
        within = f"{path}/" if path else ""
        names = sorted({name[len(within) :].partition("/")[0] for name in files if name.startswith(within)})
        if not names:
            return None
        return [self._entry(seed, within + name, files, ref) for name in names[:_MAX_ENTRIES]]

    def _entry(self, seed: RepositorySeed, path: str, files: Mapping[str, File], ref: str) -> Document:
        file = files.get(path)
        size, sha = (file.size, _blob(file)) if file else (0, digest("tree", seed.name, path))
        return self._links(seed, path, sha, ref, "file" if file else "dir") | {"size": size}

    def _file(self, seed: RepositorySeed, path: str, file: File, ref: str) -> Document:
        """Up to 1 MB with its content; a larger one tells its size only, with an encoding of ``none``."""
        told = self._links(seed, path, _blob(file), ref, "file") | {"size": file.size}
        if file.size > MAX_CONTENT:
            return {**told, "content": "", "encoding": "none"}
        return {**told, "content": base64.encodebytes(file.make()).decode(), "encoding": "base64"}

    def _links(self, seed: RepositorySeed, path: str, sha: str, ref: str, kind: str) -> Document:
        name, branch = f"{ORGANISATION}/{seed.name}", ref or "main"
        shown, git = ("blob", "blobs") if kind == "file" else ("tree", "trees")
        url, git_url = f"{self._base.url(seed)}/contents/{path}?ref={branch}", f"{self._base.url(seed)}/git/{git}/{sha}"
        html = f"{_WEB}/{name}/{shown}/{branch}/{path}"
        return {
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": sha,
            "url": url,
            "html_url": html,
            "git_url": git_url,
            "download_url": f"{_RAW}/{name}/{branch}/{path}" if kind == "file" else None,
            "type": kind,
            "_links": {"self": url, "git": git_url, "html": html},
        }

    def search(self, seed: RepositorySeed, phrase: str, *, fragments: bool) -> Iterator[Document]:
        """The default branch's files that have the phrase, in their text or path: https://docs.github.com/rest/search/search#search-code."""
        wanted = phrase.lower()
        for path, file in tree(seed, "").items() if seed.commits else ():
            if file.size > _SEARCHABLE:
                continue
            text = file.make().decode(errors="replace")
            if wanted and (wanted in text.lower() or wanted in path.lower()):
                yield self._hit(seed, path, file, text, wanted, fragments)

    def _hit(self, seed: RepositorySeed, path: str, file: File, text: str, word: str, fragments: bool) -> Document:
        links = self._links(seed, path, _blob(file), "", "file")
        told = {name: links[name] for name in ("name", "path", "sha", "url", "git_url", "html_url")}
        hit = {**told, "repository": self._base.repository(seed), "score": 1.0}
        if not fragments:
            return hit
        place = max(0, text.lower().find(word))
        fragment = text[max(0, place - _FRAGMENT) : place + len(word) + _FRAGMENT]
        begin = fragment.lower().find(word)
        found = [{"text": fragment[begin : begin + len(word)], "indices": [begin, begin + len(word)]}] if begin >= 0 else []
        match = {"object_url": links["url"], "object_type": "FileContent", "property": "content"}
        return {**hit, "text_matches": [{**match, "fragment": fragment, "matches": found}]}


def _blob(file: File) -> str:
    """Git's id of a blob; of what is too large to be made for it, of its size only."""
    if file.size > MAX_CONTENT:
        return digest("blob", identity(file.size))
    content = file.make()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
