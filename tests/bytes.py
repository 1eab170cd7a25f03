"""Searching every byte below a directory for a person: in whatever form a text can be written."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 5


def forms(text: str) -> set[bytes]:
    """A text as it stands, case-folded, in UTF-16 and Latin-1, in JSON, in URLs, and in Base64 at each of its three offsets."""
    assert len(text) >= SHORTEST, f"{text!r} is found by chance"
    found: set[bytes] = set()
    for spelt in {text, text.casefold(), text.upper(), text.title()}:
        found |= {spelt.encode(), spelt.encode("utf-16-le"), spelt.encode("utf-16-be")}
        found |= {spelt.encode("latin-1", "ignore"), json.dumps(spelt)[1:-1].encode()}
        found |= {quote(spelt).encode(), quote_plus(spelt).encode()}
        for offset in range(3):
            coded = base64.b64encode(b"\0" * offset + spelt.encode())
            found.add(coded[4 if offset else 0 : -4])  # the middle, which does not depend on what stands around it
    return {form for form in found if len(form) >= SHORTEST}


def hits(directory: Path, texts: Iterable[str], but: Iterable[str] = ()) -> list[str]:
    """Where any of the texts stands, in a file's name or content; ``but`` are directories below that are not searched."""
    wanted = {form: text for text in texts for form in forms(text)}
    found = []
    for path in directory.rglob("*"):
        place = path.relative_to(directory)
        if path.is_file() and place.parts[0] not in but:
            content = str(place).encode() + b"\0" + path.read_bytes()
            found += [f"{place}: {text!r} as {form[:24]!r}" for form, text in wanted.items() if form in content]
    return found
