"""What an error page in HTML says, in plain words: Jetty's, Jenkins's own, a proxy's."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_UNSEEN = {"head", "script", "style", "header", "footer", "nav"}
_JETTY_MESSAGE = re.compile(r"MESSAGE: (.+?) (?:SERVLET:|CAUSED BY:|Powered by Jetty)")


class _Words(HTMLParser):
    """Collects the text that a reader would see."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def page_words(text: str) -> str:
    """The words of a page on one line; what is no HTML stays as it is, apart from white space."""
    if text.lstrip()[:1] != "<":
        return " ".join(text.split())
    reader = _Words()
    reader.feed(text)
    reader.close()
    words = " ".join(" ".join(reader.words).split())
    jetty = _JETTY_MESSAGE.search(words)
    return jetty[1] if jetty else words
