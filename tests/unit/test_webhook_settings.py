"""Who is told: exact URLs, each with secrets that are strong and nowhere to be seen."""

from __future__ import annotations

import json

import pytest

from agent_ops.settings.webhooks import receivers_in
from agent_ops.transport.webhooks import key_of
from tests.receiver import SECRET

URL = "https://hooks.acme.example/agent-ops?tenant=1"
OTHER = "whsec_" + "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="


def test_a_receiver_has_one_secret_or_two_while_it_is_changed() -> None:
    (one,) = receivers_in(json.dumps({URL: f"{SECRET} {OTHER}"}))
    assert (one.url, one.secrets) == (URL, (SECRET, OTHER))
    assert SECRET not in repr(one) and key_of(SECRET) == b"secret-secret-secret-secret"
    assert receivers_in("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"https://a.example": 7}',
        json.dumps({"http://hooks.acme.example/": SECRET}),
        json.dumps({"ftp://hooks.acme.example/": SECRET}),
        json.dumps({"https://user:hush@hooks.acme.example/": SECRET}),
        json.dumps({"https://hooks.acme.example/#x": SECRET}),
        json.dumps({"https://": SECRET}),
        json.dumps({"https://hooks.acme.example:https/": SECRET}),
        json.dumps({"https://hooks.acme.example:70000/": SECRET}),
        json.dumps({"https://[::1/": SECRET}),
        json.dumps({"https://hooks.acme.example/\x01": SECRET}),
        json.dumps({"https://-h\u00fcks-.example/": SECRET}),
        json.dumps({"https://xn--/": SECRET}),
        json.dumps({URL: ""}),
        json.dumps({URL: "whsec_c2hvcnQ="}),
        json.dumps({URL: "no secret of this form"}),
        json.dumps({URL: SECRET.removeprefix("whsec_")}),
    ],
)
def test_what_cannot_be_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|has") as refused:
        receivers_in(text)
    assert SECRET[6:] not in str(refused.value) and "hush" not in str(refused.value)
