"""Which application permissions open which route: the least and the higher ones of each method's page in Graph's reference.

https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

from collections.abc import Iterable

DEFAULT = frozenset(
    {
        "User.ReadWrite.All",
        "Group.ReadWrite.All",
        "GroupMember.ReadWrite.All",
        "Domain.Read.All",
        "Organization.Read.All",
        "UserAuthenticationMethod.ReadWrite.All",
        "Application.Read.All",
        "OrgContact.Read.All",
        "RoleManagement.Read.Directory",
    }
)

_DIRECTORY_WRITE = frozenset({"Directory.ReadWrite.All"})
_DIRECTORY_READ = _DIRECTORY_WRITE | {"Directory.Read.All"}

USERS_WRITE = _DIRECTORY_WRITE | {"User.ReadWrite.All"}
USERS_READ = _DIRECTORY_READ | {"User.Read.All", "User.ReadWrite.All"}
USERS_DELETE = USERS_WRITE | {"User.DeleteRestore.All"}
PASSWORDS_WRITE = _DIRECTORY_WRITE | {"User-PasswordProfile.ReadWrite.All"}
_ENABLE = frozenset({"User.EnableDisableAccount.All", "User.Read.All"})
_MAILS_WRITE = USERS_WRITE | {"User-Mail.ReadWrite.All"}
_PHONES_WRITE = USERS_WRITE | {"User-Phone.ReadWrite.All"}
USERS_UPDATE = USERS_WRITE | PASSWORDS_WRITE | _MAILS_WRITE | _PHONES_WRITE | {"User.EnableDisableAccount.All"}
MEMBERS_WRITE = _DIRECTORY_WRITE | {"GroupMember.ReadWrite.All", "Group.ReadWrite.All"}
GROUPS_READ = _DIRECTORY_READ | {"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All"}
MEMBER_OF_READ = GROUPS_READ | USERS_READ
DOMAINS_READ = _DIRECTORY_READ | {"Domain.Read.All", "Domain.ReadWrite.All"}
ORGANIZATION_READ = _DIRECTORY_READ | {"Organization.Read.All", "Organization.ReadWrite.All"}
APPLICATIONS_READ = frozenset(
    {"Application.Read.All", "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.Read.All"}
)
CONTACTS_READ = _DIRECTORY_READ | {"OrgContact.Read.All"}
ROLES_READ = _DIRECTORY_READ | {"RoleManagement.Read.Directory", "RoleManagement.Read.All", "RoleManagement.ReadWrite.Directory"}
SKUS_READ = ORGANIZATION_READ | {"LicenseAssignment.Read.All"}
LICENCES_WRITE = USERS_WRITE
METHODS_WRITE = frozenset({"UserAuthenticationMethod.ReadWrite.All"})
METHODS_READ = METHODS_WRITE | {"UserAuthenticationMethod.Read.All"}

_BY_PROPERTY = {
    "passwordProfile": PASSWORDS_WRITE,
    "otherMails": _MAILS_WRITE,
    "businessPhones": _PHONES_WRITE,
    "mobilePhone": _PHONES_WRITE,
}


def may_update_user(properties: Iterable[str], held: frozenset[str]) -> bool:
    """Whether a PATCH of these properties is allowed: some have permissions of their own.

    https://learn.microsoft.com/graph/api/user-update, "Permissions for specific scenarios": ``accountEnabled`` needs two.
    """
    return all(
        bool(_BY_PROPERTY.get(name, USERS_WRITE) & held) or (name == "accountEnabled" and held >= _ENABLE) for name in properties
    )
