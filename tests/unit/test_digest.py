"""A reading in a line."""

from __future__ import annotations

from agent_ops.domain.digest import MAX_DIGEST, digest, found, more
from agent_ops.domain.readings import Reading


def test_rows_are_counted_and_named() -> None:
    rows = [{"number": 12, "title": "Login page", "author": "jane"}, {"number": 14, "title": "Fix\nit", "author": "joe"}]
    text = Reading({"repository": "acme/web", "pull_requests": rows}, more="2").text
    assert digest(text) == "repository: acme/web; pull requests (2): 12 Login page, 14 Fix it"
    assert more(text) == "2"


def test_a_bare_list_and_nothing_found() -> None:
    assert digest(Reading([{"bucket": "a", "created": "2026"}, {"bucket": "b"}]).text) == "2 found: a, b"
    assert digest(Reading([]).text) == "found: none"
    assert (
        digest(Reading({"public": False, "opened_by": [], "since": None}).text) == "public: false; opened by: none; since: none"
    )


def test_it_is_one_line_bounded_and_harmless() -> None:
    told = digest(Reading({"text": "a\x1b[2J\nb" * 400, "rows": [{"k": "x" * 300}] * 50}).text)
    assert len(told) <= MAX_DIGEST and told.isprintable()


def test_what_is_no_whole_reading_has_none() -> None:
    assert digest("GitHub: there is no repository") == digest("[1]") == digest(Reading({"a": "x" * 9000}).text) == ""
    assert more(Reading({"a": "x" * 9000}, more='a"b').text) == 'a"b', "how to go on is read although the end is cut off"
    assert more("no reading") == "" and found("3") is None
