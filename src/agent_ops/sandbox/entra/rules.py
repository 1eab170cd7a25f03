"""What a caller may write into a user: names, types, lengths and the rules of addresses and passwords.

Sources: https://learn.microsoft.com/graph/api/user-post-users, the user resource's property table, and
https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy (characters of names, password policy).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import bad_request, invalid_value, refused, value_required
from agent_ops.sandbox.entra.moments import normal_moment
from agent_ops.sandbox.entra.schema import BOOLEAN, COMPLEX, DATE_TIME, STRINGS, USER, Property

_LOCAL_PART = re.compile(r"[A-Za-z0-9'._!#^~-]{1,64}")
_MAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,190}")
_NICKNAME_FORBIDS = set('@()\\[]";:<>, ')
_MASTERED_IN_CLOUD = {"ageGroup", "consentProvidedForMinor", "passwordPolicies", "passwordProfile", "usageLocation"}
_MASTERED_ELSEWHERE = (
    "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing"
    " migration."
)
_TOO_WEAK = "The specified password does not comply with password complexity requirements. Please provide a different password."
_DOMAIN = (
    "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your"
    " organization."
)


def new_user(body: dict[str, Any], domains: Collection[str], federated: Collection[str] = ()) -> dict[str, Any]:
    """The properties of a user to be created. The password is judged here and goes no further.

    In a ``federated`` domain ``onPremisesImmutableId`` is required; the words of that refusal are those that Graph gave to
    somebody who left it out (a question of 2017 about provisioning federated users; today's may be others).
    """
    properties = _typed(body)
    for name in ("accountEnabled", "displayName", "mailNickname", "userPrincipalName"):
        if properties.get(name) is None:
            raise value_required(name)
    profile = properties.pop("passwordProfile", None) or {}
    if profile.get("password") is None:
        raise refused("A password must be specified to create a new user.", target="password", code="InvalidValue")
    _check_password(profile["password"], properties.get("passwordPolicies"))
    _check_values(properties, domains)
    domain = properties["userPrincipalName"].rpartition("@")[2].casefold()
    if domain in federated and not properties.get("onPremisesImmutableId"):
        raise refused("One or more properties contains invalid values.")
    return properties


def changed_user(body: dict[str, Any], domains: Collection[str]) -> dict[str, Any]:
    """The properties that a PATCH sets. ``passwordProfile`` is judged and left out."""
    properties = _typed(body)
    profile = properties.pop("passwordProfile", None) or {}
    if profile.get("password") is not None:
        _check_password(profile["password"], properties.get("passwordPolicies"))
    _check_values(properties, domains)
    return properties


def check_mastered_here(user: Entry, names: Iterable[str]) -> None:
    """Refuse what belongs to the on-premises directory that a user is synchronised from: nearly everything.

    The words are Graph's; which few properties are the cloud's own is from memory.
    """
    if user.properties.get("onPremisesSyncEnabled") and set(names) - _MASTERED_IN_CLOUD:
        raise refused(_MASTERED_ELSEWHERE)


def check_user_principal_name(name: str, domains: Collection[str]) -> None:
    local, at, domain = name.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or local.startswith(".") or local.endswith(".") or len(domain) > 48:
        raise refused("Property userPrincipalName is invalid.", target="userPrincipalName")
    if domain.casefold() not in domains:
        raise refused(_DOMAIN, target="userPrincipalName")


# --- types


def _typed(body: dict[str, Any]) -> dict[str, Any]:
    return {name: _property(name, value) for name, value in body.items() if not _is_annotation(name, value)}


def _is_annotation(name: str, value: Any) -> bool:
    if name == "@odata.type" and value != f"#{USER.edm_type}":
        raise bad_request(f"A resource with type name '{value}' is not compatible with the expected type '{USER.edm_type}'.")
    return name.startswith("@odata.")


def _property(name: str, value: Any) -> Any:
    kind = USER.properties.get(name)
    if kind is None:
        raise refused(f"Invalid property '{name}'.", target=name)
    if not kind.writable:
        raise refused(f"Property '{name}' is read-only and cannot be set.", target=name)
    if value is None:
        if not kind.nullable:
            raise invalid_value(name)
        return None
    return _convert(name, kind, value)


def _convert(name: str, kind: Property, value: Any) -> Any:
    if kind.edm == BOOLEAN:
        return _boolean(name, value)
    if kind.edm == STRINGS:
        return _strings(name, kind, value)
    if kind.edm == COMPLEX:
        return _complex(name, kind, value)
    text = _string(name, kind, value)
    return _date_time(name, text) if kind.edm == DATE_TIME else text


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(name, "Edm.Boolean")
    return value


def _string(name: str, kind: Property, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong_type(name, kind.edm)
    if value == "" or (kind.max_length and len(value) > kind.max_length):
        raise invalid_value(name)
    return value


def _strings(name: str, kind: Property, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise _wrong_type(name, kind.edm)
    if name == "businessPhones" and len(value) > 1:
        raise invalid_value(name)
    return [_string(name, kind, item) for item in value]


def _complex(name: str, kind: Property, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(name, f"microsoft.graph.{name}")
    return {field: _field(name, kind, field, item) for field, item in value.items() if not field.startswith("@odata.")}


def _field(name: str, kind: Property, field: str, value: Any) -> Any:
    if field not in kind.fields:
        raise bad_request(
            f"The property '{field}' does not exist on type 'microsoft.graph.{name}'. Make sure to only use property names"
            " that are defined by the type or mark the type as open type."
        )
    if value is None:
        return None
    if name == "passwordProfile":
        return _password_field(field, value)
    return _string(field, kind, value)


def _password_field(field: str, value: Any) -> Any:
    if field != "password":
        return _boolean(field, value)
    if not isinstance(value, str):
        raise _wrong_type(field, "Edm.String")
    return value


def _date_time(name: str, text: str) -> str:
    moment = normal_moment(text)
    if moment is None:
        raise _wrong_type(name, DATE_TIME)
    return moment


def _wrong_type(name: str, edm: str) -> Exception:
    """The value itself is never repeated: it may be a secret in the wrong place."""
    return bad_request(f"Cannot convert the value of property '{name}' to the expected type '{edm}'.")


# --- values


def _check_values(properties: dict[str, Any], domains: Collection[str]) -> None:
    if "userPrincipalName" in properties:
        check_user_principal_name(properties["userPrincipalName"], domains)
    nickname = properties.get("mailNickname")
    if nickname is not None and (not nickname.isascii() or set(nickname) & _NICKNAME_FORBIDS):
        raise invalid_value("mailNickname")
    mail = properties.get("mail")
    if mail is not None and not _MAIL.fullmatch(mail):
        raise invalid_value("mail")
    country = properties.get("usageLocation")
    if country is not None and not re.fullmatch(r"[A-Za-z]{2}", country):
        raise invalid_value("usageLocation")


def _check_password(password: str, policies: str | None) -> None:
    """8 to 256 characters out of three of the four classes, unless ``DisableStrongPassword`` is set."""
    classes = (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    kinds = sum(any(matches(character) for character in password) for matches in classes)
    strong = kinds >= 3 or "DisableStrongPassword" in (policies or "")
    if not 8 <= len(password) <= 256 or not strong:
        raise refused(_TOO_WEAK, target="password", code="InvalidValue")
