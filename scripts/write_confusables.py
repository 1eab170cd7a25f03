"""Write src/agent_ops/domain/confusables.txt from Unicode's confusables.txt: `write_confusables.py PATH`.

Source: https://www.unicode.org/Public/security/latest/confusables.txt (UTS-39). Kept is what can apply: the skeleton
decomposes first, so that a character which NFD takes apart is never looked up.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "src" / "agent_ops" / "domain" / "confusables.txt"
HEADER = """\
# The prototypes of UTS-39, "confusables", Unicode {version}: one character, then what it looks like, NFD.
# Written by scripts/write_confusables.py. Copyright Unicode, Inc., under the Unicode Licence V3 (unicode.org/license.txt).
"""


def mappings(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        fields = line.split("#")[0].split(";")
        if len(fields) < 3:
            continue
        source, target = (unicodedata.normalize("NFD", _characters(field)) for field in fields[:2])
        if len(source) == 1 and source == _characters(fields[0]):
            yield source, re.sub("[\u200e\u200f]", "", target)


def _characters(field: str) -> str:
    return "".join(chr(int(number, 16)) for number in field.split())


def main() -> None:
    text = Path(sys.argv[1]).read_text(encoding="utf-8-sig")
    version = re.search(r"^# Version: ([\d.]+)", text, re.MULTILINE)
    lines = [f"{source}{target}" for source, target in sorted(mappings(text))]
    header = HEADER.format(version=version.group(1) if version else "of an unknown version")
    TARGET.write_text(header + "\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
