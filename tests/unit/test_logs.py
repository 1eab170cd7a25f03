"""The log file: whole JSON lines, bounded, without secrets or addresses; shared by processes; libraries' warnings too."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from agent_ops.runtime import logs
from agent_ops.runtime.logs import LIBRARIES, LONGEST_LINE, configure_logging, name_run
from agent_ops.transport.redaction import MASK, redactor

HERE = Path(__file__).resolve().parents[2]


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """A configured log file; afterwards nothing is logged anywhere any more."""
    configure_logging(tmp_path / "logs" / "app.log", "DEBUG")
    yield tmp_path / "logs" / "app.log"
    for name in ("agent_ops", *LIBRARIES):
        logger = logging.getLogger(name)
        for handler in logger.handlers[:]:
            if isinstance(handler, logs.LogFile):
                logger.removeHandler(handler)
                handler.close()
    logging.getLogger("agent_ops").setLevel(logging.NOTSET)
    logging.getLogger("agent_ops").propagate = True
    configure_logging(None, "INFO")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_about_a_run_names_its_request_and_employee(log_file: Path) -> None:
    name_run("run-1", request="request-1", employee="employee-1")
    log = structlog.get_logger("agent_ops.test")
    log.info("elsewhere", run="run-1")
    with structlog.contextvars.bound_contextvars(run="run-1", agent="entra"):
        log.info("inside", result="succeeded")
    log.info("about_nothing")
    elsewhere, inside, nothing = lines(log_file)
    assert (elsewhere["request"], elsewhere["employee"]) == ("request-1", "employee-1")
    assert (inside["request"], inside["employee"], inside["agent"]) == ("request-1", "employee-1", "entra")
    assert "request" not in nothing
    assert {"event", "level", "logger", "timestamp"} <= set(nothing)


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\x00"])
def test_no_character_breaks_a_line_in_two(log_file: Path, breaker: str) -> None:
    forged = f'x{breaker}{{"event": "forged"}}'
    structlog.get_logger("agent_ops.test").warning("real", words=forged, **{f"key{breaker}": 1})
    (line,) = lines(log_file)
    assert (line["event"], line["words"]) == ("real", forged)
    assert log_file.read_bytes().count(b"\n") == 1


def test_a_line_is_bounded(log_file: Path) -> None:
    log = structlog.get_logger("agent_ops.test")
    log.error("long", words="x" * 1_000_000, more=["y" * 3_000] * 100)
    log.error("many", **{f"key{number}": "z" * 1000 for number in range(500)})
    for line in log_file.read_text(encoding="utf-8").splitlines():
        assert len(line) <= LONGEST_LINE
        assert json.loads(line)["level"] == "error"


def test_secrets_and_addresses_are_masked_in_values_keys_and_tracebacks(log_file: Path) -> None:
    redactor.learn("canary-in-the-log")
    log = structlog.get_logger("agent_ops.test")
    log.info("told", words=["canary-in-the-log", {"canary-in-the-log": b"canary-in-the-log"}], who="Ana <ana.silva@acme.example>")
    try:
        raise ValueError("canary-in-the-log for ana.silva%40acme.example")
    except ValueError:
        log.exception("broke")
    written = log_file.read_text(encoding="utf-8")
    assert "canary" not in written
    assert "silva" not in written
    assert MASK in written
    assert lines(log_file)[1]["exception"].startswith(f"ValueError < {__file__}:")


def test_libraries_are_heard_from_warnings_on_only(log_file: Path) -> None:
    loud = logging.getLogger("botocore.parsers")
    loud.setLevel(logging.DEBUG)
    try:
        loud.debug("a response with everything in it")
        loud.warning("a %s warning", "real")
    finally:
        loud.setLevel(logging.NOTSET)
    (line,) = lines(log_file)
    assert (line["event"], line["logger"], line["level"]) == ("a %s warning", "botocore.parsers", "warning")


def test_nothing_that_an_error_or_a_library_says_is_written(log_file: Path) -> None:
    """It may name a person, and an erasure does not reach log files."""
    log = structlog.get_logger("agent_ops.test")
    try:
        try:
            raise ValueError("Quillfeather is no number")
        except ValueError as inner:
            raise RuntimeError("Quillfeather cannot be added") from inner
    except RuntimeError as error:
        log.exception("broke", error=error, more=[error])
        logging.getLogger("urllib3.pool").warning("%s was refused", "Quillfeather", exc_info=error)
        logging.getLogger("asyncio").error(f"a task broke\nfuture: <Task exception={error!r}>")
    told = lines(log_file)
    assert "Quillfeather" not in log_file.read_text(encoding="utf-8")
    assert [line["event"] for line in told] == ["broke", "%s was refused", "a task broke"]
    assert [place.split(" < ")[0] for place in told[0]["exception"].split("\n")] == ["ValueError", "RuntimeError"]
    assert (told[0]["error"], told[0]["more"]) == ("RuntimeError", ["RuntimeError"])
    assert told[1]["exception"] == told[0]["exception"]


def test_only_its_owner_reads_the_file(log_file: Path) -> None:
    structlog.get_logger("agent_ops.test").info("told")
    assert log_file.stat().st_mode & 0o077 == 0


_WRITER = """
import sys, structlog
from pathlib import Path
from agent_ops.runtime import logs
logs.MAX_BYTES, logs.BACKUPS = 10_000, 300
logs.configure_logging(Path(sys.argv[1]), "INFO")
print("ready", flush=True)
sys.stdin.readline()
for number in range(1000):
    structlog.get_logger("agent_ops.test").info("told", writer=sys.argv[2], number=number)
"""


@pytest.mark.slow
def test_four_processes_share_a_rotating_file_and_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(path), str(n)], cwd=HERE, text=True, **pipes) for n in range(4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:  # all at once, so that they meet at every rotation
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        assert writer.communicate(timeout=100) == ("", "")
        assert writer.returncode == 0
    files = list(tmp_path.glob("app.log*"))
    assert 40 < len(files) < 300, "it was to rotate often, and to drop nothing"
    told = [(line["writer"], line["number"]) for file in files for line in lines(file)]
    assert sorted(told) == sorted((str(writer), number) for writer in range(4) for number in range(1000))
