"""All SQL and all migrations: the operations database behind one ``Store``."""

from agent_ops.storage.rehearsal import Rehearsal, Transactions
from agent_ops.storage.scrubbing import erase_threads
from agent_ops.storage.store import BUSY_TIMEOUT_SECONDS, Store, Tx, mapped_errors

__all__ = ["BUSY_TIMEOUT_SECONDS", "Rehearsal", "Store", "Transactions", "Tx", "erase_threads", "mapped_errors"]
