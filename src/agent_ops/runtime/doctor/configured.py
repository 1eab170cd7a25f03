"""The settings as far as they go: what is missing or wrong, each by its variable, and a whole made of the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from agent_ops.runtime.doctor.lines import Line, Verdict, missing, wrong
from agent_ops.runtime.doctor.variables import VARIABLES, Variable
from agent_ops.settings import Environment, Settings


@dataclass(frozen=True)
class Configured:
    """``settings`` have stand-ins where ``problems`` are. ``values`` are the variables that are set, as text, secrets too."""

    settings: Settings
    problems: tuple[Line, ...]
    values: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Configured({', '.join(sorted(self.values))})"

    @property
    def unmet(self) -> set[str]:
        return {line.about for line in self.problems}


def read_configured(data_dir: Path | None = None, overrides: Mapping[str, str] | None = None) -> Configured:
    """What environment and .env say; ``overrides`` (variable: value) win over both, and an empty one takes away.

    Unlike ``Settings.from_environment`` it never fails.
    """
    known = Environment.model_fields
    given = {name.lower(): value or _default(name) for name, value in (overrides or {}).items() if name.lower() in known}
    problems: dict[str, Line] = {}
    environment = _tolerant(given, problems)
    values = {name.upper(): text for name in Environment.model_fields if (text := _text(getattr(environment, name)))}
    for variable in VARIABLES.values():
        if variable.name not in problems and (problem := _problem(variable, values)):
            problems[variable.name] = problem
    stand_ins = {name.lower(): VARIABLES[name].stand_in for name in problems if _needs_stand_in(name)}
    settings = Environment(**{**given, **_defaults(problems), **stand_ins}).settings(data_dir)
    return Configured(settings, tuple(problems.values()), values)


def _tolerant(given: dict[str, Any], problems: dict[str, Line]) -> Environment:
    """The environment with its defaults instead of what is wrong."""
    try:
        return Environment(**given)
    except ValidationError as error:
        for detail in error.errors():
            name = str(detail["loc"][0]).upper()
            problems[name] = _line(wrong(f"{name} is wrong: {detail['msg'].lower()}", _remedy(name), name))
    return Environment(**{**given, **_defaults(problems)})


def _defaults(problems: Mapping[str, Line]) -> dict[str, Any]:
    return {name.lower(): _default(name) for name in problems}


def _default(name: str) -> Any:
    return Environment.model_fields[name.lower()].get_default()


def _needs_stand_in(name: str) -> bool:
    return name in VARIABLES and VARIABLES[name].required


def _problem(variable: Variable, values: Mapping[str, str]) -> Line | None:
    value = values.get(variable.name, "")
    if not value and variable.required:
        return _line(missing(f"{variable.name} is not set", variable.remedy, variable.name))
    if not value and values.get(variable.companion):
        return _line(missing(f"{variable.name} is not set, but its companion is", variable.remedy, variable.name))
    complaint = variable.shape(value) if value else ""
    return _line(wrong(f"{variable.name} {complaint}", variable.remedy, variable.name)) if complaint else None


def _remedy(name: str) -> str:
    return VARIABLES[name].remedy if name in VARIABLES else f"Correct {name}: .env.example says a word on it."


def _line(line: Line) -> Line:
    return Line(line.verdict, line.found, line.remedy, line.about, service="settings", check="settings")


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return json.dumps(value)
    return "" if value is None else str(value)


def default_of(name: str) -> str:
    """What counts when a variable is not set; empty when nothing does."""
    return _text(_default(name))


def settings_line(configured: Configured) -> list[Line]:
    """The problems, or one line that says that there is none."""
    return list(configured.problems) or [Line(Verdict.WORKS, "complete and valid", service="settings", check="settings")]
