"""The log file: one JSON object per line, for machines and grep."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path
from typing import Any

import structlog

MAX_BYTES, BACKUPS = 10_000_000, 5


class LogFile(logging.handlers.RotatingFileHandler):
    """A rotating file. When it cannot be written (a full disk), that is said once and the work goes on."""

    said = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if not self.said:
            self.said = True
            sys.stderr.write(f"warning: the log file {self.baseFilename} cannot be written: {sys.exc_info()[1]}\n")


def configure_logging(path: Path, level: str) -> None:
    """Send the package's logs, and other libraries' warnings, to a rotating file. Safe to call again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = LogFile(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True)
    stamps: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=stamps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    package = logging.getLogger("agent_ops")
    for old in package.handlers[:]:
        package.removeHandler(old)
        old.close()
    package.addHandler(handler)
    package.setLevel(level)
    package.propagate = False
    structlog.configure(
        processors=[*stamps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
