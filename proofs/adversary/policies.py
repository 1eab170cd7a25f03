"""Two entitlement policies, and this proof's own reading of them: nothing of the package's code says what is allowed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WIDE = """
levels = ["L1", "L2"]

[company]
domain = "acme.example"

[account]
employee_type = "Employee"
usage_location = "PT"

[locations.lisbon]
title = "Lisbon"
zone = "Europe/Lisbon"
country = "PT"

[items.aws]
title = "AWS account"
pipeline = "provisioning/aws"
parameters = { ROLE = "engineer" }
revoke = "deprovisioning/aws"

[items.github]
title = "GitHub organisation"
pipeline = "provisioning/github"
parameters = { ORGANISATION = "acme" }

[items.wiki]
title = "Wiki"
pipeline = "provisioning/wiki"

[items.database]
title = "Analytics database"
pipeline = "provisioning/database"
parameters = { MODE = "read-only" }

[items.vault]
title = "Vault"
pipeline = "provisioning/vault"

[items.sso]
title = "Single sign-on"
group = "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a02"

[items.admins]
title = "Domain administrators"
group = "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a03"

[teams.engineering]
title = "Engineering"
allowed = ["aws", "github", "wiki", "sso"]
birthright = ["aws", "sso"]

[teams.data]
title = "Data"
allowed = ["wiki", "database", "sso"]
birthright = ["database"]

[teams.contractors]
title = "Contractors"
employee_type = "Contractor"
allowed = ["wiki"]
birthright = ["wiki"]

[teams.security]
title = "Security"
allowed = ["aws", "github", "wiki", "database", "vault", "sso", "admins"]
birthright = ["vault", "admins"]
"""

NARROW = WIDE.replace(
    'allowed = ["aws", "github", "wiki", "sso"]\nbirthright = ["aws", "sso"]', 'allowed = ["wiki"]\nbirthright = ["wiki"]'
).replace(
    'allowed = ["wiki", "database", "sso"]\nbirthright = ["database"]', 'allowed = ["wiki"]\nbirthright = ["wiki"]'
)  # fmt: skip
BROKEN = WIDE.replace('pipeline = "provisioning/aws"', 'pipelin = "provisioning/aws"')
CONTACTS = ("first@acme.example", "second@acme.example")


@dataclass(frozen=True)
class Policy:
    """A policy's text, read as plain tables."""

    text: str

    @cached_property
    def tables(self) -> dict[str, Any]:
        tables: dict[str, Any] = tomllib.loads(self.text)
        return tables

    @property
    def items(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.tables["items"]
        return found

    @property
    def domain(self) -> str:
        return str(self.tables["company"]["domain"])

    def team(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.tables["teams"][key]
        return found

    def item_of_job(self, job: str) -> tuple[str, bool] | None:
        """The item that a job gives, or with True takes back."""
        for key, item in self.items.items():
            if job in (item.get("pipeline"), item.get("revoke")):
                return key, job == item.get("revoke")
        return None

    def item_of_group(self, group: str) -> str | None:
        return next((key for key, item in self.items.items() if item.get("group") == group), None)
