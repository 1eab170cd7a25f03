"""Importing much at once, quicker."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Look for no garbage meanwhile: modules leave none, and looking for it takes a fifth of the time (docs/performance.md).

    Whether it is looked for afterwards is as it was before: https://docs.python.org/3/library/gc.html
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
