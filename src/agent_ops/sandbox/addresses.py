"""Where a running sandbox is found: the file that its server writes and its clients read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Addresses:
    """URLs and credentials of every twin, and of the control server behind them."""

    pid: int
    control_url: str
    control_token: str
    entra_url: str
    ca_file: str
    tenant_id: str
    client_id: str
    client_secret: str
    client_certificate_file: str
    aws_url: str
    region: str
    ssm_parameter: str
    ssm_instances: dict[str, str]
    access_key_id: str
    secret_access_key: str
    smtp_host: str
    smtp_port: int
    smtps_port: int
    smtp_user: str
    smtp_password: str
    domain: str
    jira_url: str = ""
    jira_user: str = ""
    jira_token: str = ""
    confluence_url: str = ""
    github_url: str = ""
    github_token: str = ""

    def write(self, path: Path) -> None:
        """Replace the file in one step; only its owner may read it."""
        draft = path.with_suffix(".tmp")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> Addresses | None:
        """What the file says; None when there is none, or one of another version."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
