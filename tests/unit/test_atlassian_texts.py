"""Atlassian's two forms of text as plain text: pages' storage format, issues' document format; and how they are shortened."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_ops.readers.adf import document_text
from agent_ops.readers.storage_format import storage_text
from agent_ops.readers.texts import line, shortened


@pytest.mark.parametrize(
    ("storage", "text"),
    [
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<h1>Title</h1><p>a <strong>b</strong> c</p>", "# Title\na b c"),
        ("a<br/>b", "a\nb"),
        ("<p>5 &lt; 6 &amp;&nbsp;&rarr; x</p>", "5 < 6 &\xa0→ x"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n - b\n- c"),
        ("<ol><li>a</li><li><p>b</p></li></ol><ol><li>c</li></ol>", "1. a\n2. b\n1. c"),
        ("<table><tr><th>k</th><th>v</th></tr><tr><td>1</td><td>2</td></tr></table>", "k | v\n1 | 2"),
        (
            '<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">sql</ac:parameter><ac:plain-text-body>'
            "<![CDATA[select 1 < 2 -- <b>not bold</b> ]]></ac:plain-text-body></ac:structured-macro>",
            "select 1 < 2 -- <b>not bold</b>",
        ),
        ('<ac:link><ri:page ri:content-title="Other" /></ac:link>', "[page Other]"),
        ('<ac:link><ri:user ri:account-id="7:8" /></ac:link>', "[user 7:8]"),
        ('<ac:image><ri:attachment ri:filename="a.png" /></ac:image>', "[file a.png]"),
        ('<time datetime="2026-03-01" />', "2026-03-01"),
        (
            "<ac:task-list><ac:task><ac:task-id>4</ac:task-id><ac:task-status>complete</ac:task-status><ac:task-body>a</ac:task-body>"
            "</ac:task><ac:task><ac:task-status>incomplete</ac:task-status><ac:task-body>b</ac:task-body></ac:task></ac:task-list>",
            "[x] a\n[ ] b",
        ),
        ("<p>broken <b>markup", "broken markup"),
        ("", ""),
    ],
)
def test_storage_format(storage: str, text: str) -> None:
    assert storage_text(storage, 1000) == (text, True)


def test_a_long_body_is_read_as_far_as_needed_and_a_code_block_across_parts_stays_whole() -> None:
    code = "<ac:plain-text-body><![CDATA[" + "x < y\n" * 30_000 + "end]]></ac:plain-text-body><p>after</p>"
    text, whole = storage_text("<p>start</p>" + code, 10**9)
    assert whole
    assert text.startswith("start\nx < y")
    assert text.endswith("end\nafter")
    began = time.monotonic()
    text, whole = storage_text("<p>line</p>" * 500_000, 1000)
    assert not whole
    assert 1000 < len(text) < 100_000
    assert time.monotonic() - began < 2


@given(st.text(alphabet="<>/![]CDATA&;abc \"'=:-"))
def test_no_body_breaks_it(storage: str) -> None:
    storage_text(storage, 100)


def node(kind: str, *content: object, **attrs: object) -> dict[str, object]:
    return {"type": kind, "attrs": attrs, "content": list(content)}


def words(text: str, **mark: object) -> dict[str, object]:
    return {"type": "text", "text": text, "marks": [mark] if mark else []}


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (None, ""),
        ("plain", "plain"),
        (node("doc", node("paragraph", words("a"), words("b")), node("paragraph"), node("paragraph", words("c"))), "ab\nc"),
        (node("doc", node("heading", words("T"), level=1)), "# T"),
        (node("doc", node("bulletList", node("listItem", node("paragraph", words("a"))))), "- a"),
        (node("paragraph", words("here", type="link", attrs={"href": "https://acme.example"})), "here (https://acme.example)"),
        (node("paragraph", words("hi "), node("mention", text="@Ana Silva", id="7")), "hi @Ana Silva"),
        (node("paragraph", words("a"), node("hardBreak"), words("b")), "a\nb"),
        (
            node("taskList", node("taskItem", words("a"), state="DONE"), node("taskItem", words("b"), state="TODO")),
            "[x] a\n[ ] b",
        ),
        (node("codeBlock", words("x = 1\ny = 2")), "x = 1\ny = 2"),
        (node("mediaSingle", node("media", id="7", alt="a.png")), "[file a.png]"),
        (
            node("table", node("tableRow", *(node("tableCell", node("paragraph", words(w))) for w in "ab"))),
            "a | b |",
        ),
    ],
)
def test_document_format(document: object, text: str) -> None:
    assert document_text(document, 1000) == text


def test_a_document_is_read_as_far_as_needed_and_as_deep_as_sensible() -> None:
    assert len(document_text(node("doc", *(node("paragraph", words("x" * 50)) for _ in range(10_000))), 500)) < 700
    deep = words("bottom")
    for _ in range(3000):
        deep = node("panel", deep)
    assert document_text(deep, 100) == ""


@given(st.text(), st.integers(5, 60))
def test_a_shortened_text_is_no_longer_than_promised_as_json_writes_it(text: str, limit: int) -> None:
    short, cut = shortened(text, limit)
    assert len(json.dumps(short, ensure_ascii=False)) - 2 <= limit
    assert len(json.dumps(line(text, limit), ensure_ascii=False)) - 2 <= limit
    assert cut or not text.strip() or len(text) <= 2 * limit


def test_what_is_shown_cannot_hide_or_steer() -> None:
    text = "a\x1b[8mb\u202ec\u200bd\x00e\nf"
    assert shortened(text, 100) == ("abcde\nf", False)
    assert line(text, 100) == "abcde f"
