"""What notices say, to whom they go, and that whatever stands in them is harmless in text and in HTML."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import StrictUndefined, UndefinedError

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.contents import MAX_DETAILED, MAX_LISTED, MEANINGS, contents_of
from agent_ops.domain.employee import Employee, Profile
from agent_ops.domain.notices import Contacts, Letter, Notice, is_plain_address
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.notices import _TEMPLATES, compose

ADDRESS = "ana.silva@acme.example"


DAY = date(2026, 12, 1)


def employee(address: str | None = ADDRESS, reason: str = "", name: str = "Ana Silva", day: date | None = DAY) -> Employee:
    return Employee("id", Profile(name, "Data", joining_date=day), address=address, reason=reason)


class Seen(HTMLParser):
    """What a mail program would make of the HTML: its elements, and the text that is shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


TAGS = set(
    "html head meta title body table tr td h1 h2 p div span pre code bdi".split()  # noqa: SIM905 - read as words
)
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "style", "role", "width", "cellpadding", "cellspacing", "align", "valign", "dir")
}


def both(letter: Letter) -> tuple[str, str]:
    return " ".join(letter.text.split()), " ".join(Seen(letter.html).text.split())


def test_every_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ItemStatus)
    assert all(meaning.next for status, meaning in MEANINGS.items() if not status.in_place)


@pytest.mark.parametrize("status", list(ItemStatus))
def test_an_item_is_told_with_the_services_words_and_what_happens_next(status: ItemStatus) -> None:
    item = AccessItem("aws", status, "build 7 ended FAILURE", "first\nLimitExceeded: quota")
    letter = compose(Notice.ACCESS, employee(), (item,), titles={"aws": "AWS account"})
    for shown in both(letter):
        assert "AWS account (aws)" in shown
        assert "build 7 ended FAILURE" in shown
        assert MEANINGS[status].heading in shown
        assert MEANINGS[status].next in shown
        assert ("LimitExceeded: quota" in shown) is (status in (ItemStatus.FAILED, ItemStatus.UNKNOWN, ItemStatus.HELD))
        assert ("needed by the first working day, 2026-12-01" in shown) is (
            not status.in_place and status is not ItemStatus.DENIED
        )
        doubted = status is ItemStatus.COMPLETED  # with a reason: it was looked for, and not seen
        assert ("Nothing is left to do." in shown) is (status in (ItemStatus.VERIFIED, ItemStatus.DENIED))
        assert ("Somebody must look at what was reported as done" in shown) is doubted


def test_what_needs_somebody_comes_first_and_is_counted() -> None:
    statuses = [
        ItemStatus.COMPLETED,
        ItemStatus.DENIED,
        ItemStatus.PENDING,
        ItemStatus.HELD,
        ItemStatus.UNKNOWN,
        ItemStatus.FAILED,
    ]
    letter = compose(Notice.ACCESS, employee(), tuple(AccessItem(f"item-{s.value}", s) for s in statuses))
    assert letter.subject == "Access: 1 of 5 in place for Ana Silva"
    for shown in both(letter):
        assert "1 of 5 access items are in place; 3 need somebody to act." in shown
        places = [shown.index(f"item-{s.value}") for s in reversed(statuses) if s not in (ItemStatus.DENIED, ItemStatus.PENDING)]
        assert places == sorted(places)


def test_an_account_that_exists_is_told_with_its_address() -> None:
    due = (AccessItem("aws", ItemStatus.PENDING), AccessItem("vpn", ItemStatus.DENIED))
    letter = compose(Notice.ACCOUNT, employee(), due)
    assert letter.subject == "Account created for Ana Silva"
    for shown in both(letter):
        assert ADDRESS in shown
        assert "1 access item is due; a further mail tells what became of it." in shown


@pytest.mark.parametrize(
    ("account", "subject", "following"),
    [
        (None, "No account for Ana Silva", "mend the cause"),
        (ItemStatus.UNKNOWN, "Account not confirmed for Ana Silva", "cannot prove"),
        (ItemStatus.HELD, "Account held for Ana Silva", "A person must decide"),
        (ItemStatus.IN_PROGRESS, "Account not ready for Ana Silva", "goes on by itself"),
    ],
)
def test_a_missing_account_is_told_with_the_reason_and_who_must_act(
    account: ItemStatus | None, subject: str, following: str
) -> None:
    parts = (AccessItem("account", account),) if account else ()
    letter = compose(Notice.ACCOUNT, employee(None, "answered 403: Authorization_RequestDenied"), (), parts=parts)
    assert letter.subject == subject
    for shown in both(letter):
        assert "answered 403: Authorization_RequestDenied" in shown
        assert following in shown
        assert "The account is needed by the first working day, 2026-12-01." in shown
        assert ADDRESS not in shown


def test_an_account_that_waits_for_the_first_working_day_is_told_as_disabled() -> None:
    parts = (AccessItem("account", ItemStatus.COMPLETED), AccessItem("enabled", ItemStatus.PENDING))
    for shown in both(compose(Notice.ACCOUNT, employee(), (), parts=parts)):
        assert "The company account exists, disabled until the first working day." in shown
        assert "It is enabled on the first working day, 2026-12-01." in shown
    assert "disabled" not in compose(Notice.ACCOUNT, employee(), (), parts=parts[:1]).text


@pytest.mark.parametrize("notice", list(Notice))
def test_a_part_of_the_account_that_failed_is_told(notice: Notice) -> None:
    parts = (
        AccessItem("account", ItemStatus.COMPLETED),
        AccessItem("attributes", ItemStatus.COMPLETED),
        AccessItem("manager", ItemStatus.FAILED, "two people are called Dana Whitfield"),
    )
    letter = compose(notice, employee(), (AccessItem("aws", ItemStatus.COMPLETED),), parts=parts)
    for shown in both(letter):
        assert "Manager in the directory (manager)" in shown
        assert "two people are called Dana Whitfield" in shown
        assert "Account attributes" not in shown
        assert "Nothing is left to do." not in shown
    if notice is Notice.ACCESS:
        assert "1 of 1 access item is in place; 1 needs somebody to act." in letter.text


def test_what_could_not_be_taken_back_is_told_with_the_reason() -> None:
    items = (AccessItem("aws", ItemStatus.COMPLETED), AccessItem("vpn", ItemStatus.PENDING, "taken back"))
    undone = (
        AccessItem("account", ItemStatus.COMPLETED),
        AccessItem("vpn", ItemStatus.COMPLETED),
        AccessItem("aws", ItemStatus.FAILED, "build 9 ended FAILURE"),
    )
    letter = compose(Notice.ACCESS, employee(), items, undone=undone)
    assert letter.subject == "Onboarding withdrawn: 2 of 3 taken back for Ana Silva"
    for shown in both(letter):
        assert "build 9 ended FAILURE" in shown
        assert "mend the cause" in shown
        assert "Not taken back" not in shown
        assert "Nothing is left to do." not in shown
    whole = compose(Notice.ACCESS, employee(), items[1:], undone=undone[:2])
    assert "Nothing is left to do." in whole.text


def test_a_cleared_address_is_no_missing_account() -> None:
    cleared = replace(employee(None), entra_id="the-object")
    assert compose(Notice.ACCOUNT, cleared, ()).subject == "Account created for Ana Silva"


def test_only_what_is_needed_of_the_person_is_told() -> None:
    profile = Profile(
        *("Ana Silva", "Data"),
        manager="Dana Whitfield",
        location="Lisbon",
        contact_number="+351 912 345 678",
        external_id="E-4711",
        email_wish="ana@elsewhere.example",
    )
    for notice in Notice:
        letter = compose(notice, Employee("the-id", profile, address=ADDRESS, entra_id="the-object"), ())
        for secret in ("Whitfield", "Lisbon", "912", "E-4711", "elsewhere", "the-id", "the-object"):
            assert secret not in letter.text + letter.html


def test_a_name_is_no_link() -> None:
    letter = compose(Notice.ACCOUNT, employee(name="www.evil.example"), ())
    assert "www." not in letter.subject + letter.text + letter.html


def test_a_name_keeps_its_script() -> None:
    for shown in both(compose(Notice.ACCOUNT, employee(name="山田 花子"), ())):
        assert "山田 花子" in shown


def test_long_lists_and_long_words_are_bounded() -> None:
    items = tuple(AccessItem(f"item-{n:04d}", ItemStatus.FAILED, "x" * 9_000, "y\n" * 9_000) for n in range(MAX_LISTED + 50))
    items += tuple(AccessItem(f"good-{n}", ItemStatus.COMPLETED) for n in range(30))
    failed, good = contents_of(Notice.ACCESS, employee(), items).sections
    assert (len(failed.lines), failed.unlisted, len(good.lines), good.unlisted) == (MAX_LISTED, 50, 0, 30)
    assert sum(bool(line.detail) for line in failed.lines) == MAX_DETAILED
    letter = compose(Notice.ACCESS, employee(), items)
    assert len(letter.text) + len(letter.html) < 400_000
    for shown in both(letter):
        assert "and 50 more" in shown
        assert "30 more" in shown


HOSTILE = st.text(st.one_of(st.characters(), st.sampled_from("<>&\"'{}%\x1b[\r\n\u202e")), max_size=200) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</pre></td></table><a href='https://evil.example'>click</a>",
        '" style="display:none" x="',
        "{{ 7 * 7 }}{% include '/etc/passwd' %}",
        "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
        "https://evil.example/login",
        "a\r\nBcc: everyone@evil.example",
    ]
)


@given(st.sampled_from(Notice), st.lists(st.tuples(st.sampled_from(ItemStatus), HOSTILE, HOSTILE, HOSTILE), max_size=4), HOSTILE)
def test_hostile_words_stay_words(notice: Notice, rows: list[tuple[ItemStatus, str, str, str]], reason: str) -> None:
    items = tuple(AccessItem(key, status, why, detail) for status, key, why, detail in rows)
    for there in (ADDRESS, None):
        letter = compose(notice, employee(there, reason), items, titles={key: why for _, key, why, _ in rows})
        seen = Seen(letter.html)
        assert seen.tags <= TAGS
        assert seen.attributes <= ATTRIBUTES
        for text in (letter.text, letter.html.replace("DOCTYPE", ""), letter.subject):
            assert "://" not in text
            assert not set(text) & {*map(chr, range(32)), "\x7f", "\u202e", "\u2028"} - {"\n"}
        assert "\n" not in letter.subject


def test_words_are_no_template() -> None:
    item = AccessItem("aws", ItemStatus.FAILED, "{{ 7 * 7 }}{% include 'x' %}")
    assert "{{ 7 * 7 }}{% include 'x' %}" in compose(Notice.ACCESS, employee(), (item,)).text


def test_a_missing_value_is_an_error_and_html_is_escaped_by_the_layout_itself() -> None:
    assert _TEMPLATES.undefined is StrictUndefined
    with pytest.raises(UndefinedError):
        _TEMPLATES.from_string("{{ absent }}").render()
    assert callable(_TEMPLATES.autoescape)
    assert _TEMPLATES.autoescape("notice.html.j2")
    assert not _TEMPLATES.autoescape("notice.txt.j2")


@pytest.mark.parametrize(
    "address", ["a@b", "it-desk@acme.example", "first.last+tag@sub.acme.example", "o'neil@acme.example", "A_1@Acme.Example"]
)
def test_plain_addresses(address: str) -> None:
    assert is_plain_address(address)


@pytest.mark.parametrize(
    "address",
    [
        *("", "a", "@b", "a@", "a@b@c", "a b@c", "a@b c", "Ana <a@b>", "a@b, c@d", "a@b;c@d", "a@b\n", "a@b\r\nBcc: c@d"),
        *("<a@b>", '"a b"@c', "a..b@c", ".a@b", "a@-b", "a@b-", "a@[127.0.0.1]", "zoë@acme.example", "a@münchen.example"),
        *("a%c@b", "c!a@b", "a@" + "b" * 64, "a" * 65 + "@b", "a@b.", "(x)a@b", "a@b\x00"),
    ],
)
def test_anything_else_is_no_plain_address(address: str) -> None:
    assert not is_plain_address(address)


FALLBACK = Contacts("it-desk@acme.example", "team-lead@acme.example")


@pytest.mark.parametrize(
    ("named", "first", "second"),
    [
        ({}, "it-desk@acme.example", "team-lead@acme.example"),
        ({"first": "data-desk@acme.example"}, "data-desk@acme.example", "team-lead@acme.example"),
        ({"second": "data-lead@acme.example"}, "it-desk@acme.example", "data-lead@acme.example"),
        ({"first": "a@x.example", "second": "b@x.example"}, "a@x.example", "b@x.example"),
    ],
)
def test_a_notice_goes_to_the_teams_contact_else_to_the_fallback(
    policy: EntitlementPolicy, named: dict[str, str], first: str, second: str
) -> None:
    teams = {**policy.teams, "data": replace(policy.teams["data"], contacts=Contacts(**named))}
    ours = replace(policy, teams=teams)
    contacts = ours.contacts_of(Profile("Ana Silva", "DATA"), FALLBACK)
    assert [contacts.recipient(notice) for notice in Notice] == [first, second]
    assert ours.contacts_of(Profile("Bo Lee", "Sales"), FALLBACK) == FALLBACK
    assert ours.contacts_of(Profile("Bo Lee", "A team of last year"), FALLBACK) == FALLBACK


def test_a_first_working_day_is_told_only_when_known() -> None:
    assert DAY.isoformat() in compose(Notice.ACCOUNT, employee(), ()).text
    assert "First working day" not in compose(Notice.ACCOUNT, employee(day=None), ()).text
