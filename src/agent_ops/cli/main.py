"""The group of all commands, and how errors leave the program.

Commands import what they need when they run, so that ``--help`` answers at once.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, NoReturn

import click

from agent_ops import __version__
from agent_ops.cli.commands import (
    apply,
    audit,
    backup,
    breaker,
    cancel,
    demo,
    doctor,
    erase,
    first_sign_in,
    guard,
    init,
    keys,
    onboard,
    plan,
    policy,
    recommend,
    retry,
    sandbox,
    serve,
    status,
    switch,
    task,
    token,
    worker,
)
from agent_ops.cli.exit_codes import EXIT_INTERRUPTED, EXIT_SETUP, EXIT_USAGE


class Commands(click.Group):
    """Turns this project's errors into one line on standard error and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        from agent_ops.domain.errors import AgentOpsError, ConfigurationError, ServiceError, StorageError  # noqa: PLC0415

        _log_to_the_screen()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal that cannot show a mark shows a question mark
        try:
            return super().invoke(ctx)
        except AgentOpsError as error:
            click.echo(f"error: {_as_shown(error)}", err=True)
            setup = isinstance(error, (ConfigurationError, StorageError, ServiceError))
            sys.exit(EXIT_SETUP if setup else EXIT_USAGE)
        except OSError as error:
            click.echo(f"error: {_as_shown(error)}. Check the data directory (--data-dir) and its disk.", err=True)
            sys.exit(EXIT_SETUP)
        except KeyboardInterrupt:
            click.echo("\ninterrupted: what was begun is in the ledger; give the same command again to go on", err=True)
            sys.exit(EXIT_INTERRUPTED)


def _log_to_the_screen() -> None:
    """Until a command opens its log file: what went wrong and stops nothing. What was raised the command tells by itself.

    Left alone, structlog prints every line, and tracebacks with all their values.
    """
    import structlog  # noqa: PLC0415

    def shown(_logger: object, _level: str, line: MutableMapping[str, Any]) -> NoReturn:
        if "exc_info" not in line:
            words = [line.pop("event"), *(f"{name}={value}" for name, value in line.items())]
            click.echo(f"warning: {_as_shown(' '.join(words))}", err=True)
        raise structlog.DropEvent

    structlog.configure(processors=[shown], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _as_shown(words: object) -> str:
    """The words without secrets, and without what would steer the terminal."""
    from agent_ops.domain.plain import harmless  # noqa: PLC0415
    from agent_ops.transport.redaction import redactor  # noqa: PLC0415

    return harmless(redactor.clean(str(words)))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="agent-ops")
def main() -> None:
    """Onboard new hires: company account, every access they are due, mails to the points of contact.

    Begin with `agent-ops demo`: it needs no credentials and no model.

    Exit codes: 0 everything that was due is in place; 1 something is not; 2 the request or the command is wrong;
    3 settings, data directory or a service are not usable; 4 the run waits, `agent-ops worker` goes on with it;
    130 interrupted.
    """


_COMMANDS = (
    *(demo.demo, onboard.onboard, plan.plan, apply.apply, status.status, retry.retry, cancel.cancel, worker.worker, serve.serve),
    *(switch.pause, switch.resume, backup.backup, backup.restore, policy.policy, sandbox.sandbox, init.init, doctor.doctor),
    *(guard.guard, erase.erase, first_sign_in.first_sign_in, task.task),
    *(breaker.breaker, audit.audit, keys.keys, token.token, recommend.recommend),
)
for command in _COMMANDS:
    main.add_command(command)
