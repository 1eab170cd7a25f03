"""The log file: one JSON object per line, for machines and grep; no secrets, no personal data, no endless lines.

Nothing of what an error says is written, as it may name a person, and log files outlive an erasure: its class and where it was
raised are; its words stand in the run's events. So it is with what libraries fill into their warnings.

Every line about a run's work bears ``request``, ``run`` and ``employee``. The door binds ``run`` where it acts, and who is
behind a run is added here, because context variables do not reach LangGraph's nodes on Python 3.10.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections import OrderedDict
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog
from concurrent_log_handler import ConcurrentRotatingFileHandler

from agent_ops.transport.redaction import redactor

MAX_BYTES, BACKUPS = 10_000_000, 5
LONGEST_TEXT, LONGEST_LINE = 4_000, 16_000
LIBRARIES = ("aiosmtplib", "asyncio", "atlassian", "boto3", "botocore", "httpcore", "httpx", "jenkins", "langchain_core",
             "langgraph", "langsmith", "msal", "opentelemetry", "requests", "urllib3")  # fmt: skip
_ADDRESS = re.compile(r"[\w.+'-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+")
_FIRST = frozenset({"event", "level", "logger", "timestamp", "request", "run", "employee", "agent", "action", "result"})
_KNOWN_RUNS, _LONGEST_CHAIN = 10_000, 10
_runs: OrderedDict[str, dict[str, str]] = OrderedDict()
EventDict = MutableMapping[str, Any]
_STAMPS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def name_run(run_id: str, *, request: str, employee: str) -> None:
    """From now on this process's lines about the run name its request and its employee."""
    _runs[run_id] = {"request": request, "employee": employee}
    _runs.move_to_end(run_id)
    while len(_runs) > _KNOWN_RUNS:
        _runs.popitem(last=False)


class LogFile(ConcurrentRotatingFileHandler):
    """A rotating file that several processes may write. When it cannot be written (a full disk), that is said once."""

    said = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if not self.said:
            self.said = True
            sys.stderr.write(f"warning: the log file {self.baseFilename} cannot be written: {sys.exc_info()[1]}\n")


def configure_logging(path: Path | None, level: str) -> None:
    """Send the package's logs, and other libraries' warnings, to a rotating file. Safe to call again.

    Without a file our lines go to the standard library's loggers below ``agent_ops``, for whoever embeds the package.
    Libraries are heard from WARNING on only, whatever the level: at DEBUG they print headers and bodies, secrets in them.
    """
    final: Any = [_with_ids, _without_words, _cleaned, _line]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_STAMPS,
            *([structlog.stdlib.ProcessorFormatter.wrap_for_formatter] if path else final),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_to(path, level, final)


def _write_to(path: Path, level: str, final: list[Any]) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_template_only, *_STAMPS],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
    )
    _attach(logging.getLogger("agent_ops"), _handler(path, formatter, logging.NOTSET))
    logging.getLogger("agent_ops").setLevel(level)
    logging.getLogger("agent_ops").propagate = False
    for library in LIBRARIES:
        _attach(logging.getLogger(library), _handler(path, formatter, logging.WARNING))


def _handler(path: Path, formatter: logging.Formatter, level: int) -> LogFile:
    handler = LogFile(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", chmod=0o600)
    handler.setFormatter(formatter)
    handler.setLevel(level)
    return handler


def _attach(logger: logging.Logger, handler: LogFile) -> None:
    """Put the handler in the place of an earlier one of ours; others' handlers stay."""
    for old in logger.handlers[:]:
        if isinstance(old, LogFile):
            logger.removeHandler(old)
            old.close()
    logger.addHandler(handler)


def _with_ids(_: Any, __: str, event: EventDict) -> EventDict:
    return {**_runs.get(event.get("run", ""), {}), **event}


def _template_only(_: Any, __: str, event: EventDict) -> EventDict:
    """A library's line as its author wrote it, before values were filled in; asyncio writes its own into further lines."""
    record: logging.LogRecord = event["_record"]
    return {**event, "event": str(record.msg).partition("\n")[0], "filled_in": len(record.args or ())}


def _without_words(_: Any, __: str, event: EventDict) -> EventDict:
    """An exception as the classes of its chain and the places that it passed."""
    error = _exception(event.pop("exc_info", None))
    return {**event, "exception": _places(error)} if error is not None else event


def _exception(exc_info: Any) -> BaseException | None:
    if exc_info is True:
        return sys.exc_info()[1]
    found = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    return found if isinstance(found, BaseException) else None


def _places(error: BaseException | None) -> str:
    """The innermost cause first, as in a traceback."""
    chain: list[str] = []
    while error is not None and len(chain) < _LONGEST_CHAIN:
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
        chain.append(" < ".join([type(error).__name__, *reversed(places)]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(reversed(chain))


def _cleaned(_: Any, __: str, event: EventDict) -> EventDict:
    """Strings only, without secrets and e-mail addresses, none too long."""
    return {_text(key): _value(value) for key, value in event.items()}


def _value(value: Any) -> Any:
    if isinstance(value, BaseException):
        return type(value).__name__
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {_text(key): _value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_value(item) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    text = _shortened(value if isinstance(value, str) else repr(value), 10 * LONGEST_TEXT)
    return _shortened(_ADDRESS.sub("[address]", redactor.clean(text)), LONGEST_TEXT)  # what the first cut split is gone now


def _shortened(text: str, longest: int) -> str:
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} ...[{len(text) - 2 * half} left out]... {text[-half:]}"


def _line(_: Any, __: str, event: EventDict) -> str:
    """One line of ASCII, so that no character of any alphabet can break it in two."""
    line = json.dumps(event)
    if len(line) <= LONGEST_LINE:
        return line
    first = sorted(event, key=lambda key: key not in _FIRST)[:30]
    return json.dumps({**{key: _shortened(str(event[key]), 200) for key in first}, "shortened": len(line)})
