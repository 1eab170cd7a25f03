"""Orders of a name that its script or spelling shows: family first in East Asia, Cambodia, Vietnam and Russian documents."""

from __future__ import annotations

import re

_HAN = "\u3005\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_HANGUL = "\u1100-\u11ff\uac00-\ud7a3"
_SYLLABLES = "\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf"  # kana and bopomofo
_KHMER = "\u1780-\u17ff"
_FAMILY_FIRST = re.compile(f"[{_HAN}{_HANGUL}{_SYLLABLES}{_KHMER}]+")
_CJK = f"[{_HAN}{_HANGUL}{_SYLLABLES}]"
_FOREIGN_DOT = re.compile(f"(?<={_CJK})[\u00b7\u2027\u30fb\u30a0](?={_CJK})")
# The script changes once, between family and given name: 佐藤さくら, つるの剛士.
_TWO_SCRIPTS = re.compile(f"(?:([{_HAN}]+)([{_SYLLABLES}]+)|([{_SYLLABLES}]+)([{_HAN}]+))")
_ONE_SCRIPT = re.compile(f"[{_HAN}]{{2,4}}|[{_HANGUL}]{{2,5}}")
# en.wikipedia.org/wiki/Chinese_compound_surname, /List_of_Korean_surnames: the families of two characters.
_LONG_FAMILIES = frozenset(
    """歐陽 欧阳 司馬 司马 諸葛 诸葛 上官 夏侯 東方 东方 皇甫 尉遲 尉迟 公孫 公孙 慕容 令狐 司徒 宇文 長孫 长孙 端木
    獨孤 独孤 南宮 南宫 남궁 황보 제갈 사공 선우 서문 독고 동방""".split()  # noqa: SIM905 - read as words
)
# en.wikipedia.org/wiki/Vietnamese_name: fourteen families are nine tenths of all people. Some are written in ASCII alone.
_VIETNAMESE = frozenset(
    """nguyễn trần lê phạm huỳnh hoàng phan vũ võ đặng bùi đỗ hồ ngô dương lý
    đinh trương trịnh đoàn lương tạ""".split()  # noqa: SIM905 - read as words
)
_VIETNAMESE_IN_ASCII = frozenset(
    """nguyen tran le pham huynh hoang phan vu vo dang bui do ho ngo duong ly
    dinh truong trinh doan luong ta""".split()  # noqa: SIM905 - read as words
)
_MIDDLE_NAMES = frozenset({"văn", "thị", "van", "thi"})
_PATRONYMIC = re.compile("(вич|льич|мич|кич|вна|чна)$", re.IGNORECASE)
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")


def in_order(words: list[str]) -> list[str]:
    """The words with the given name first and the family name last."""
    name = " ".join(words)
    if _FOREIGN_DOT.search(name):  # a foreign name, transcribed in its own order
        return _FOREIGN_DOT.sub(" ", name).split()
    latin = [word for word in words if _LATIN.search(word)]
    if len(latin) > 1:  # also written in another script: 李小龙 Li Xiaolong
        words = latin
    for reorder in (_east_asian, _vietnamese, _russian):
        if reordered := reorder(words):
            return reordered
    return words


def _east_asian(words: list[str]) -> list[str] | None:
    if not words or not all(_FAMILY_FIRST.fullmatch(word) for word in words):
        return None
    if len(words) == 1:
        words = _cut(words[0])
    return ["".join(words[1:]), words[0]] if len(words) > 1 else words


def _cut(word: str) -> list[str]:
    """A name without a space: after its family name, as long as that can be seen."""
    if two := _TWO_SCRIPTS.fullmatch(word):
        return [part for part in two.groups() if part]
    if not _ONE_SCRIPT.fullmatch(word):
        return [word]
    four_han = len(word) == 4 and re.fullmatch(f"[{_HAN}]+", word)
    length = 2 if len(word) > 2 and (word[:2] in _LONG_FAMILIES or four_han) else 1
    return [word[:length], word[length:]]


def _vietnamese(words: list[str]) -> list[str] | None:
    """Family first when the first word is a Vietnamese family name, by its own letters or by a middle Văn or Thị."""
    first, middle = words[0].lower() if words else "", {word.lower() for word in words[1:-1]}
    by_letters = first in _VIETNAMESE and (not first.isascii() or not "".join(words).isascii())
    by_middle = first in _VIETNAMESE_IN_ASCII and middle & _MIDDLE_NAMES
    return [words[-1], words[0]] if len(words) > 1 and (by_letters or by_middle) else None


def _russian(words: list[str]) -> list[str] | None:
    """Family, given name, patronymic: the order of documents. A family name may end like a patronymic, but stands after one."""
    shown = len(words) == 3 and _PATRONYMIC.search(words[2]) and not _PATRONYMIC.search(words[1])
    return [words[1], words[0]] if shown else None
