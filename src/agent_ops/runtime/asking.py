"""What a caller asks for, as a request; and whether that caller may."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from agent_ops.domain.employee import Profile
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import Request

ONBOARD, LINK = "onboard", "link"


def request_for(
    profile: Profile,
    access_items: Iterable[str] | None,
    *,
    link_existing: str | None = None,
    new_person: bool = False,
    evidence: Mapping[str, str] | None = None,
) -> Request:
    """The request that a caller's arguments state.

    Raises:
        InvalidRequest: the profile is none, or an argument is of another kind.
    """
    if not isinstance(profile, Profile):
        raise InvalidRequest("profile", f"must be a Profile, not {type(profile).__name__}")
    if not isinstance(access_items, (str, Iterable, type(None))):
        raise InvalidRequest("access_items", "must be a list of catalogue keys", "For example: aws, github.")
    if not isinstance(new_person, bool):
        raise InvalidRequest("new_person", "must be true or false")
    items = None if access_items is None else (access_items if isinstance(access_items, str) else tuple(access_items))
    given = {} if evidence is None else evidence
    if not isinstance(given, Mapping) or not all(isinstance(text, str) for pair in given.items() for text in pair):
        raise InvalidRequest("evidence", "must be references by item", "For example: {'database': 'SEC-17'}.")
    given = {key.strip().casefold(): reference.strip() for key, reference in given.items()}
    return Request(profile, items, link_existing=link_existing, new_person=new_person, evidence=given)  # type: ignore[arg-type]


def check_caller(request: Request, caller: Caller) -> None:
    """Refuse a caller who may not make this request.

    Raises:
        NotPermitted: naming the missing scope. InvalidRequest: what is to be linked is no object id.
    """
    caller.require(ONBOARD, *([LINK] if request.link_existing or request.new_person else []))
    if request.link_existing is not None:
        try:
            uuid.UUID(request.link_existing)
        except (ValueError, AttributeError, TypeError):
            raise InvalidRequest("link_existing", f"{request.link_existing!r} is no object id (a UUID)") from None
