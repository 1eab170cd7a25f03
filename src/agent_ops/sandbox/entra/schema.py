"""Which properties users and groups have, of what type, who may write them and how they may be filtered.

Sources: https://learn.microsoft.com/graph/api/resources/user and .../group, .../orgcontact, .../application
(types, lengths, supported ``$filter`` operators) and
https://learn.microsoft.com/graph/aad-advanced-queries (what needs ``ConsistencyLevel: eventual``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STRING, BOOLEAN, DATE_TIME = "Edm.String", "Edm.Boolean", "Edm.DateTimeOffset"
STRINGS, COMPLEX, OTHER = "Collection(Edm.String)", "Complex", "Other"
EXTENSION_ATTRIBUTES = tuple(f"extensionAttribute{n}" for n in range(1, 16))

_PASSWORD_FIELDS = ("password", "forceChangePasswordNextSignIn", "forceChangePasswordNextSignInWithMfa")

_EQ = frozenset({"eq", "ne", "in"})
_ORDER = _EQ | {"ge", "le"}
_PREFIX = _ORDER | {"startswith"}
_SUFFIX = _PREFIX | {"endswith"}


@dataclass(frozen=True)
class Property:
    """One property. ``advanced`` means that even ``eq`` needs an advanced query; ``max_length`` 0 means unlimited."""

    edm: str = STRING
    operators: frozenset[str] = frozenset()
    advanced: bool = False
    max_length: int = 0
    writable: bool = True
    nullable: bool = True
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """A resource type: ``name`` as the directory's messages have it, ``default`` what an answer holds without ``$select``,
    ``sortable_advanced`` what an advanced query may sort by besides."""

    name: str
    edm_type: str
    collection: str
    properties: Mapping[str, Property]
    default: tuple[str, ...]
    sortable: frozenset[str]
    searchable: frozenset[str]
    sortable_advanced: frozenset[str] = frozenset()


def _text(max_length: int = 0, operators: frozenset[str] = _PREFIX, *, advanced: bool = False, nullable: bool = True) -> Property:
    return Property(STRING, operators, advanced, max_length, nullable=nullable)


def _read_only(edm: str = STRING, operators: frozenset[str] = frozenset(), *, advanced: bool = False) -> Property:
    return Property(edm, operators, advanced, writable=False)


_USER_PROPERTIES: dict[str, Property] = {
    "id": _read_only(operators=_EQ),
    "deletedDateTime": _read_only(DATE_TIME, _ORDER),
    "accountEnabled": Property(BOOLEAN, _EQ, nullable=False),
    "ageGroup": _text(operators=_EQ),
    "assignedLicenses": _read_only(OTHER),
    "assignedPlans": _read_only(OTHER),
    "businessPhones": Property(STRINGS, frozenset({"any"}), advanced=True, max_length=64, nullable=False),
    "city": _text(128),
    "companyName": _text(64, advanced=True),
    "consentProvidedForMinor": _text(operators=_EQ),
    "country": _text(128),
    "createdDateTime": _read_only(DATE_TIME, _ORDER),
    "creationType": _read_only(operators=_EQ),
    "department": _text(64),
    "displayName": _text(256, nullable=False),
    "employeeHireDate": Property(DATE_TIME, _ORDER, advanced=True),
    "employeeId": _text(16),
    "employeeOrgData": Property(COMPLEX, _EQ, advanced=True, fields=("costCenter", "division")),
    "employeeType": _text(1024, advanced=True),
    "externalUserState": _read_only(operators=_EQ),
    "externalUserStateChangeDateTime": _read_only(DATE_TIME),
    "faxNumber": _text(64),
    "givenName": _text(64),
    "identities": _read_only(OTHER),
    "imAddresses": _read_only(STRINGS),
    "jobTitle": _text(128),
    "lastPasswordChangeDateTime": _read_only(DATE_TIME),
    "licenseAssignmentStates": _read_only(OTHER),
    "mail": _text(256, _SUFFIX),
    "mailNickname": _text(64, nullable=False),
    "mobilePhone": _text(64, advanced=True),
    "officeLocation": _text(128, advanced=True),
    "onPremisesDistinguishedName": _read_only(),
    "onPremisesDomainName": _read_only(),
    "onPremisesExtensionAttributes": Property(COMPLEX, _PREFIX, advanced=True, max_length=1024, fields=EXTENSION_ATTRIBUTES),
    "onPremisesImmutableId": _text(256, _ORDER),
    "onPremisesLastSyncDateTime": _read_only(DATE_TIME, _ORDER),
    "onPremisesSamAccountName": _read_only(operators=_PREFIX, advanced=True),
    "onPremisesSyncEnabled": _read_only(BOOLEAN, _EQ),
    "onPremisesUserPrincipalName": _read_only(operators=_PREFIX),
    "otherMails": Property(STRINGS, frozenset({"any"}), max_length=250, nullable=False),
    "passwordPolicies": _text(operators=_EQ, advanced=True),
    "passwordProfile": Property(COMPLEX, fields=_PASSWORD_FIELDS),
    "postalCode": _text(40),
    "preferredLanguage": _text(64),
    "proxyAddresses": _read_only(STRINGS, frozenset({"any"})),
    "securityIdentifier": _read_only(),
    "showInAddressList": Property(BOOLEAN, _EQ, advanced=True),
    "state": _text(128),
    "streetAddress": _text(1024),
    "surname": _text(64),
    "usageLocation": _text(2, nullable=False),
    "userPrincipalName": _text(113, _SUFFIX, nullable=False),
    "userType": _text(operators=_EQ),
}

USER = Schema(
    name="User",
    edm_type="microsoft.graph.user",
    collection="users",
    properties=_USER_PROPERTIES,
    default=(
        *("id", "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone"),
        *("officeLocation", "preferredLanguage", "surname", "userPrincipalName"),
    ),
    sortable=frozenset({"displayName", "userPrincipalName"}),
    sortable_advanced=frozenset({"createdDateTime", "deletedDateTime"}),
    searchable=frozenset({"displayName", "givenName", "surname", "mail", "mailNickname", "userPrincipalName"}),
)

_GROUP_PROPERTIES: dict[str, Property] = {
    "id": _read_only(operators=_EQ),
    "deletedDateTime": _read_only(DATE_TIME),
    "assignedLicenses": _read_only(OTHER),
    "classification": _read_only(operators=_PREFIX),
    "createdDateTime": _read_only(DATE_TIME, _ORDER),
    "description": _read_only(operators=_PREFIX),
    "displayName": _read_only(operators=_PREFIX),
    "expirationDateTime": _read_only(DATE_TIME, _ORDER),
    "groupTypes": _read_only(STRINGS, frozenset({"any"})),
    "isAssignableToRole": _read_only(BOOLEAN, _EQ),
    "mail": _read_only(operators=_PREFIX),
    "mailEnabled": _read_only(BOOLEAN, _EQ),
    "mailNickname": _read_only(operators=_PREFIX),
    "membershipRule": _read_only(operators=_PREFIX, advanced=True),
    "membershipRuleProcessingState": _read_only(operators=_EQ, advanced=True),
    "onPremisesLastSyncDateTime": _read_only(DATE_TIME, _ORDER),
    "onPremisesSecurityIdentifier": _read_only(operators=_EQ),
    "onPremisesSyncEnabled": _read_only(BOOLEAN, _EQ),
    "preferredDataLocation": _read_only(),
    "preferredLanguage": _read_only(operators=_PREFIX),
    "proxyAddresses": _read_only(STRINGS, frozenset({"any"})),
    "renewedDateTime": _read_only(DATE_TIME, _ORDER),
    "securityEnabled": _read_only(BOOLEAN, _EQ),
    "securityIdentifier": _read_only(operators=_EQ),
    "theme": _read_only(),
    "visibility": _read_only(),
    "onPremisesProvisioningErrors": _read_only(OTHER),
}

GROUP = Schema(
    name="Group",
    edm_type="microsoft.graph.group",
    collection="groups",
    properties=_GROUP_PROPERTIES,
    default=tuple(name for name in _GROUP_PROPERTIES if name != "assignedLicenses"),
    sortable=frozenset({"displayName"}),
    sortable_advanced=frozenset({"createdDateTime", "deletedDateTime"}),
    searchable=frozenset({"displayName", "description", "mail", "mailNickname"}),
)

_CONTACT_PROPERTIES: dict[str, Property] = {
    "id": _read_only(operators=_EQ),
    "deletedDateTime": _read_only(DATE_TIME),
    "addresses": _read_only(OTHER),
    "companyName": _read_only(operators=_PREFIX),
    "department": _read_only(operators=_PREFIX),
    "displayName": _read_only(operators=_PREFIX),
    "givenName": _read_only(operators=_PREFIX),
    "jobTitle": _read_only(operators=_PREFIX),
    "mail": _read_only(operators=_PREFIX),
    "mailNickname": _read_only(operators=_PREFIX),
    "onPremisesLastSyncDateTime": _read_only(DATE_TIME, _ORDER),
    "onPremisesProvisioningErrors": _read_only(OTHER),
    "onPremisesSyncEnabled": _read_only(BOOLEAN, _EQ),
    "phones": _read_only(OTHER),
    "proxyAddresses": _read_only(STRINGS, frozenset({"any"})),
    "serviceProvisioningErrors": _read_only(OTHER),
    "surname": _read_only(operators=_PREFIX),
}

CONTACT = Schema(
    name="Contact",
    edm_type="microsoft.graph.orgContact",
    collection="contacts",
    properties=_CONTACT_PROPERTIES,
    default=tuple(_CONTACT_PROPERTIES),
    sortable=frozenset(),
    searchable=frozenset({"displayName", "mail", "mailNickname"}),
    sortable_advanced=frozenset({"displayName"}),
)

_ROLE_PROPERTIES = ("id", "deletedDateTime", "description", "displayName", "roleTemplateId")

ROLE = Schema(
    name="DirectoryRole",
    edm_type="microsoft.graph.directoryRole",
    collection="directoryRoles",
    properties={
        name: _read_only(operators=_EQ) for name in ("id", "deletedDateTime", "description", "displayName", "roleTemplateId")
    },
    default=_ROLE_PROPERTIES,
    sortable=frozenset(),
    searchable=frozenset(),
)

ROLE_ASSIGNMENT = Schema(
    name="RoleAssignment",
    edm_type="microsoft.graph.unifiedRoleAssignment",
    collection="roleManagement/directory/roleAssignments",
    properties={
        "id": _read_only(),
        "principalId": _read_only(operators=frozenset({"eq"})),
        "directoryScopeId": _read_only(),
        "roleDefinitionId": _read_only(operators=frozenset({"eq"})),
    },
    default=("id", "principalId", "directoryScopeId", "roleDefinitionId"),
    sortable=frozenset(),
    searchable=frozenset(),
)

_APPLICATION_PROPERTIES: dict[str, Property] = {
    "id": _read_only(operators=_EQ),
    "deletedDateTime": _read_only(DATE_TIME),
    "appId": _read_only(operators=_EQ),
    "createdDateTime": _read_only(DATE_TIME, _ORDER),
    "displayName": _read_only(operators=_PREFIX),
    "keyCredentials": _read_only(OTHER),
    "passwordCredentials": _read_only(OTHER),
    "signInAudience": _read_only(operators=_PREFIX),
}

APPLICATION = Schema(
    name="Application",
    edm_type="microsoft.graph.application",
    collection="applications",
    properties=_APPLICATION_PROPERTIES,
    default=tuple(_APPLICATION_PROPERTIES),
    sortable=frozenset(),
    searchable=frozenset({"displayName"}),
    sortable_advanced=frozenset({"createdDateTime", "displayName"}),
)
