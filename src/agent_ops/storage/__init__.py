"""All SQL and all migrations: the operations database behind one ``Store``."""

from agent_ops.storage.store import Store, Tx

__all__ = ["Store", "Tx"]
