"""All SQL and all migrations: the operations database behind one ``Store``."""

from agent_ops.storage.rehearsal import Rehearsal, Transactions
from agent_ops.storage.store import Store, Tx

__all__ = ["Rehearsal", "Store", "Transactions", "Tx"]
