"""The last line of defence: known secrets in every form they are written in, and secrets known by their shape."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote_plus

import pytest

from agent_ops.transport.redaction import MASK, SHORTEST, Redactor

SECRET = 'pa/ss+wörd "quoted" &more='


@pytest.fixture
def known() -> Redactor:
    redactor = Redactor()
    redactor.keep([SECRET])
    return redactor


@pytest.mark.parametrize(
    "form",
    [SECRET, quote_plus(SECRET), json.dumps(SECRET), base64.b64encode(SECRET.encode()).decode(), f"...{SECRET}{SECRET}..."],
)
def test_a_known_secret_is_masked_in_every_form(known: Redactor, form: str) -> None:
    cleaned = known.clean(f"before {form} after")
    assert form.strip('".') not in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")
    assert MASK in cleaned


def test_what_was_learnt_is_masked_while_it_is_among_the_latest() -> None:
    redactor = Redactor()
    first = redactor.learn("first-made-password")
    assert redactor.clean(f"x {first}") == f"x {MASK}"
    for number in range(200):
        redactor.learn(f"later-made-password-{number:03}")
    assert redactor.clean("later-made-password-199") == MASK
    assert redactor.clean(first) == first


def test_a_short_word_masks_no_text() -> None:
    redactor = Redactor()
    redactor.keep(["", "x" * (SHORTEST - 1)])
    assert redactor.clean("x" * 20) == "x" * 20


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("{'Authorization': 'Basic dXNlcjpwYXNzd29yZA=='}", "dXNlcjpwYXNzd29yZA"),
        ("sent AUTH PLAIN AGFnZW50LW9wcwBwdw==", "AGFnZW50LW9wcwBwdw"),
        ("token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl is wrong", "eyJzdWIiOiJ4In0"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----", "MIIEow"),
        ("cut off: -----BEGIN PRIVATE KEY-----\nMIIEow", "MIIEow"),
        ("https://svc-agent-ops:hunter2hunter2@jenkins.acme.example/job", "hunter2hunter2"),
        ('{"passwordProfile": {"password": "Xy7!unknown"}}', "Xy7!unknown"),
        ('"{\\"password\\": \\"Xy7!unknown\\"}"', "Xy7!unknown"),
        ("client_id=1&client_secret=Xy7unknown&scope=x", "Xy7unknown"),
        ("SMTP_PASSWORD=Xy7unknown", "Xy7unknown"),
    ],
)
def test_secrets_are_known_by_their_shape(text: str, secret: str) -> None:
    cleaned = Redactor().clean(text)
    assert secret not in cleaned
    assert MASK in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "account ana.silva@acme.example exists",
        "The specified password does not comply with password complexity requirements.",
        "build 7 of provisioning/aws ended FAILURE",
        "Trace ID: 5f0c6f0e-7d64-4bb0-9a51-2a4f4d1f0a11",
        "https://jenkins.acme.example:8443/job/provisioning/job/aws/7/",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor().clean(text) == text


def test_values_of_all_kinds_are_scrubbed(known: Redactor) -> None:
    class Word(str, Enum):
        ONE = "one"

    @dataclass(frozen=True)
    class Answer:
        reason: str
        handle: dict[str, object]
        kind: Word = Word.ONE

    seen = known.scrub(Answer(f"a {SECRET}", {"list": [SECRET, 1, None], "pair": (SECRET,)}))
    assert seen == Answer(f"a {MASK}", {"list": [MASK, 1, None], "pair": (MASK,)})
    assert seen.kind is Word.ONE


def test_long_texts_take_no_time_to_speak_of(known: Redactor) -> None:
    began = time.process_time()
    for piece in ("x", "a.", "eyJ", "-----BEGIN A", "http://u", "password:", "Bearer ", "\n "):
        known.clean(piece * (200_000 // len(piece)))
    assert time.process_time() - began < 5, "some shape takes quadratic time"
