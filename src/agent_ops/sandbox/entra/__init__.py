"""The Microsoft Entra ID and Microsoft Graph twin."""

from __future__ import annotations

from agent_ops.sandbox.entra.twin import EntraTwin

__all__ = ["EntraTwin"]
