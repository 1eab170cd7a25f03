"""Whether a bucket is public, from what could be seen of it. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_EVERYBODY = {
    "http://acs.amazonaws.com/groups/global/AllUsers": "everybody",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "everybody with any AWS account",
}
_BEYOND = "the account's own public access block, and access lists of single objects, were not looked at"


@dataclass(frozen=True)
class Seen:
    """One part's answer; empty when there is no such part; ``not_seen`` says why we may not know."""

    answer: Mapping[str, Any]
    not_seen: str = ""


def verdict(block: Seen, policy: Seen, acl: Seen) -> dict[str, Any]:
    """``public``: true, false, or 'unknown' when what could not be seen would decide."""
    blocked = block.answer.get("PublicAccessBlockConfiguration", {})
    by_policy = _open(_policy_opens(policy), block, blocked.get("RestrictPublicBuckets", False))
    by_acl = _open(_acl_opens(acl), block, blocked.get("IgnorePublicAcls", False))
    ways = [f"policy: {word}" for word in by_policy[1]] + [f"access list: {word}" for word in by_acl[1]]
    states = (by_policy[0], by_acl[0])
    public: bool | str = True if True in states else "unknown" if None in states else False
    parts = {"public access block": block, "policy status": policy, "access list": acl}
    not_seen = {name: part.not_seen for name, part in parts.items() if part.not_seen}
    return {
        "public": public,
        "opened_by": ways,
        "public_access_block": "not seen" if block.not_seen else dict(blocked) or "none",
        **({"could_not_be_seen": not_seen} if not_seen else {}),
        "note": _BEYOND,
    }


def _open(opens: tuple[bool | None, list[str]], block: Seen, overruled: bool) -> tuple[bool | None, list[str]]:
    """What a part says, unless the block overrules it; None when one of the two that decide could not be seen."""
    state, words = opens
    if overruled:
        return False, [f"{word}, but the public access block overrules it" for word in words]
    if state and block.not_seen:
        return None, [f"{word}, unless the public access block overrules it" for word in words]
    return state, words


def _policy_opens(policy: Seen) -> tuple[bool | None, list[str]]:
    if policy.not_seen:
        return None, []
    public = bool(policy.answer.get("PolicyStatus", {}).get("IsPublic", False))
    return public, ["AWS calls it public"] if public else []


def _acl_opens(acl: Seen) -> tuple[bool | None, list[str]]:
    if acl.not_seen:
        return None, []
    grants = acl.answer.get("Grants", [])
    words = [
        f"{_EVERYBODY[uri]} has {one['Permission']}" for one in grants if (uri := one["Grantee"].get("URI", "")) in _EVERYBODY
    ]
    return bool(words), words
