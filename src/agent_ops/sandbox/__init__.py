"""Loopback twins of every service, speaking the real wire protocols. ``Sandbox`` attaches to them or starts them."""

from agent_ops.sandbox.faults import Fault, FaultKind
from agent_ops.sandbox.launch import Sandbox
from agent_ops.sandbox.records import Call

__all__ = ["Call", "Fault", "FaultKind", "Sandbox"]
