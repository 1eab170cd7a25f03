"""API keys: what is stored of them, whom they let in, and who may make them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import time_machine

from agent_ops import Caller
from agent_ops.domain.api_keys import digest_of, parts_of
from agent_ops.domain.errors import InvalidRequest, NotAuthenticated, NotFound, NotPermitted, PolicyError
from agent_ops.domain.grants import SCOPES, callers_from_table
from agent_ops.runtime.api_keys import ApiKeyBook
from agent_ops.runtime.data_dir import open_store

ADMIN = Caller("os:root", frozenset(SCOPES))


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[ApiKeyBook]:
    async with open_store(tmp_path) as (store, _):
        yield ApiKeyBook(store)


async def test_a_key_lets_its_holder_in_with_its_scopes(book: ApiKeyBook) -> None:
    key, secret = await book.create(ADMIN, "hr", ["onboard", "status"], 30)
    caller = await book.caller_of(secret.take())
    assert (caller.name, caller.scopes) == ("key:hr", {"onboard", "status"})
    assert (key.expires_at - key.created_at).days == 30


async def test_no_byte_of_a_secret_is_kept(book: ApiKeyBook, tmp_path: Path) -> None:
    _, secret = await book.create(ADMIN, "hr", ["status"], 30)
    _, bare = parts_of(secret.take())
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert bare.encode() not in written
    assert digest_of(bare).encode() in written


async def test_a_key_that_is_no_more_opens_nothing(book: ApiKeyBook) -> None:
    key, secret = await book.create(ADMIN, "hr", ["status"], 1)
    text = secret.take()
    flipped = text[:-1] + ("A" if text[-1] != "A" else "B")
    for wrong in (flipped, text + "x", f"ao_aaaaaaaaaa_{text[14:]}", "", "ao_"):
        with pytest.raises(NotAuthenticated):
            await book.caller_of(wrong)
    with time_machine.travel(key.expires_at), pytest.raises(NotAuthenticated, match="expired"):
        await book.caller_of(text)
    first = await book.revoke(ADMIN, key.id)
    assert (await book.revoke(ADMIN, key.id)).revoked_at == first.revoked_at
    with pytest.raises(NotAuthenticated, match="revoked"):
        await book.caller_of(text)


async def test_two_keys_of_one_name_let_the_same_caller_in(book: ApiKeyBook) -> None:
    made = [await book.create(ADMIN, "hr", ["status"], 9) for _ in range(2)]
    texts = [secret.take() for _, secret in made]
    await book.revoke(ADMIN, made[0][0].id)
    assert (await book.caller_of(texts[1])).name == "key:hr"
    assert [key.id for key in await book.all()] == [key.id for key, _ in made]


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("a b", ["status"], 1),
        ("a:b", ["status"], 1),
        ("a", [], 1),
        ("a", ["root"], 1),
        ("a", ["status"], 0),
        ("a", ["status"], 4000),
    ],
)
async def test_there_is_no_such_key(book: ApiKeyBook, name: str, scopes: list[str], days: int) -> None:
    with pytest.raises(InvalidRequest):
        await book.create(ADMIN, name, scopes, days)
    assert await book.all() == []


async def test_nobody_gives_more_than_they_have(book: ApiKeyBook) -> None:
    with pytest.raises(NotPermitted, match="lacks the scope 'admin'"):
        await book.create(Caller("os:eve"), "eve", ["status"], 1)
    with pytest.raises(NotPermitted, match="'erase', and cannot give it"):
        await book.create(Caller("os:eve", frozenset({"admin", "status"})), "eve", ["status", "erase"], 1)
    with pytest.raises(NotPermitted):
        await book.revoke(Caller("os:eve"), "x")
    with pytest.raises(NotFound):
        await book.revoke(ADMIN, "x")


def test_the_former_name_of_a_scope_stays_good() -> None:
    assert callers_from_table({"alice": ["signin", "status"]}) == {"alice": {"passes", "status"}}
    Caller("program", frozenset({"signin"})).require("passes")
    with pytest.raises(PolicyError):
        callers_from_table({"alice": ["signing"]})
