"""What holds for every name, in every script, and for every text that is no name."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent_ops.domain.addresses import MAX_LOCAL_PART, RESERVED, candidates, local_part
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.lookalikes import mixes_scripts, skeleton
from agent_ops.domain.names import clean_name, name_key

DOMAIN = "acme.example"
# One block per script that names are written in: a text across scripts would nearly always be refused.
BLOCKS = [
    (0x41, 0x7A), (0xC0, 0x24F), (0x1E00, 0x1EFF), (0x370, 0x3FF), (0x400, 0x4FF), (0x531, 0x587),
    (0x5D0, 0x5EA), (0x620, 0x6D3), (0x900, 0x97F), (0x980, 0x9FF), (0xA00, 0xA7F), (0xA80, 0xAFF),
    (0xB00, 0xB7F), (0xB80, 0xBFF), (0xC00, 0xC7F), (0xC80, 0xCFF), (0xD00, 0xD7F), (0xD80, 0xDFF),
    (0xE01, 0xE4E), (0xE81, 0xEDF), (0xF40, 0xFBC), (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1200, 0x137F),
    (0x13A0, 0x13F5), (0x1780, 0x17D3), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3),
]  # fmt: skip


def words_of(block: tuple[int, int]) -> st.SearchStrategy[str]:
    letters = st.characters(min_codepoint=block[0], max_codepoint=block[1], categories=("L", "M"))
    word = st.text(st.one_of(letters, letters, letters, st.sampled_from("-'’")), min_size=1, max_size=30)
    particles = st.sampled_from(["van", "de", "la", "bin", "al-", "O'", "Mc", "y", "Jr.", "J.", "Dr.", "III", "Abdul"])
    return st.lists(st.one_of(word, word, particles), min_size=1, max_size=7).map(" ".join)


NAMES = st.sampled_from(BLOCKS).flatmap(words_of)
TEXTS = st.one_of(NAMES, st.text(max_size=140))


def local_or_none(name: str) -> str | None:
    try:
        return local_part(name)
    except InvalidRequest as refused:
        assert refused.field == "name"
        assert refused.advice
        return None


@given(TEXTS)
def test_any_text_gives_a_bounded_ascii_local_part_or_a_refusal(text: str) -> None:
    local = local_or_none(text)
    assert local == local_or_none(text)
    if local is not None:
        assert re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", local), local
        assert len(local) <= MAX_LOCAL_PART
        assert re.search("[a-z]", local)
        assert local.count(".") <= 1


@given(NAMES)
def test_candidates_are_what_a_directory_takes_and_never_reserved(name: str) -> None:
    assume(local_or_none(name) is not None)
    first = list(islice(candidates(name, DOMAIN), 40))
    assert len(set(first)) == len(first)
    assert first == list(islice(candidates(name, DOMAIN), 40))
    for address in first:
        local, at, domain = address.partition("@")
        assert (at, domain) == ("@", DOMAIN)
        # userPrincipalName and mailNickname: learn.microsoft.com/graph/api/resources/user
        assert len(local) <= 64
        assert not set(local) & set('@()\\[]";:<>, ')
        assert ".." not in local
        assert local[0] not in ".-"
        assert local[-1] not in ".-"
        assert re.sub("[.-]", "", local) not in RESERVED
        assert skeleton(re.sub("[.-]", "", local)).casefold() not in {skeleton(word) for word in RESERVED}


@given(NAMES, st.sampled_from([" ", "  ", "\u00a0", "\u3000", "\u2009"]), st.sampled_from(["NFC", "NFD"]))
def test_white_space_and_normal_form_change_nothing(name: str, space: str, form: str) -> None:
    variant = f"{space}{unicodedata.normalize(form, name).replace(' ', space)}{space}"
    assert local_or_none(variant) == local_or_none(name)
    if local_or_none(name) is not None:
        assert clean_name(variant) == clean_name(name)
        assert name_key(variant) == name_key(name)


@given(NAMES)
def test_a_cleaned_name_keeps_its_script_and_is_clean(name: str) -> None:
    try:
        cleaned = clean_name(name)
    except InvalidRequest:
        return
    assert cleaned == clean_name(cleaned)
    assert cleaned.split() == unicodedata.normalize("NFC", name).split()
    assert mixes_scripts(cleaned) is None


@pytest.mark.parametrize("word", sorted(RESERVED))
@pytest.mark.parametrize("shape", ["{}", "{} ", "{}.", "'{}'"])
def test_a_reserved_word_is_no_name(word: str, shape: str) -> None:
    for spelling in (word, word.upper(), word.capitalize()):
        assert local_or_none(shape.format(spelling)) is None


@given(st.sampled_from(sorted(RESERVED)), st.data())
def test_a_reserved_word_in_pieces_is_never_an_address(word: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(word) - 1))
    name = data.draw(st.sampled_from(["{} {}", "{}.{}", "{}-{}", "{}'{}", "{}, {}"])).format(word[:cut], word[cut:])
    if local_or_none(name) is not None:
        assert all(re.sub("[.-]", "", a.partition("@")[0]) not in RESERVED for a in islice(candidates(name, DOMAIN), 20))


@pytest.mark.parametrize(
    "name", ["AdmIn", "ADMlN", "adrnin", "Adm In", "postrnaster", "Root", "R.o.o.t", "Administration Desk", "Ann Adminson"]
)
def test_what_looks_like_an_authority_is_refused(name: str) -> None:
    assert local_or_none(name) is None


@pytest.mark.parametrize(
    "name", ["Joe Root", "Christopher Guest", "Christopher Null", "Ali", "Bill Ing", "Steve Jobs", "Dev Patel"]
)
def test_people_who_bear_a_reserved_word_are_hired(name: str) -> None:
    assert local_or_none(name) is not None


def test_a_long_name_keeps_something_of_both_parts() -> None:
    local = local_part("A" * 58 + " " + "B" * 58)
    assert len(local) == MAX_LOCAL_PART
    assert local == "a" * 23 + "." + "b" * 24
    assert local_part("A" * 58 + " Li") == "a" * 45 + ".li"
