"""Entitlement policy files: reading one, and the example that ships."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from agent_ops.domain.errors import PolicyError
from agent_ops.domain.policy import EntitlementPolicy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLE = Path(__file__).with_name("example.toml")


def read_policy(path: Path = EXAMPLE) -> EntitlementPolicy:
    """The policy in a TOML file.

    Raises:
        PolicyError: the file cannot be read, is no TOML, or says something that cannot be.
    """
    try:
        text = path.read_bytes().decode()
        tables = tomllib.loads(text)
    except OSError as error:
        raise PolicyError(f"the entitlement policy {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"the entitlement policy {path} is no TOML: {error}") from error
    return replace(EntitlementPolicy.from_tables(tables), text=text)
