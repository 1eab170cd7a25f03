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

_TURNS = 5


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
    problems = {line.about: line for line in map(_unknown, Environment.misspelt())}
    environment = _tolerant(given, problems)
    told = {name.lower() for name in problems}
    set_ones = {name: _text(getattr(environment, name)) for name in known if name not in told}
    values = {name.upper(): text for name, text in set_ones.items() if text}
    for variable in VARIABLES.values():
        if variable.name not in problems and (problem := _problem(variable, values)):
            problems[variable.name] = problem
    settings = Settings.of(Environment(**{**given, **_stand_ins(problems)}), data_dir)
    return Configured(settings, tuple(problems.values()), values)


def _tolerant(given: dict[str, Any], problems: dict[str, Line]) -> Environment:
    """The environment with stand-ins instead of what is missing or wrong; each of a few turns may bring out another."""
    for _ in range(_TURNS):
        try:
            return Environment(**{**given, **_stand_ins(problems)})
        except ValidationError as error:
            for detail in error.errors(include_input=False, include_url=False):
                name = str(detail["loc"][0]).upper()
                problems[name] = _told(name, detail)
    return Environment(**{**given, **_stand_ins(problems)})


def _told(name: str, detail: Any) -> Line:
    cause = detail.get("ctx", {}).get("error")
    words = str(cause) if isinstance(cause, ValueError) else f"is wrong: {detail['msg'].lower()}"
    if words.startswith("is missing"):
        return _line(missing(f"{name} is not set", _remedy(name), name))
    return _line(wrong(f"{name} {words}", _remedy(name), name))


def _unknown(name: str) -> Line:
    return _line(wrong(f"{name} in .env is no setting", "Correct its name: .env.example lists them all.", name))


def _stand_ins(problems: Mapping[str, Line]) -> dict[str, Any]:
    """What counts in the place of settings that are missing or wrong."""
    wanting = {*problems, *(VARIABLES[name].companion for name in problems if name in VARIABLES)}
    names = [name for name in wanting if name.lower() in Environment.model_fields]
    return {name.lower(): VARIABLES[name].stand_in if _needs_stand_in(name) else _default(name) for name in names}


def _default(name: str) -> Any:
    return Environment.model_fields[name.lower()].get_default()


def _needs_stand_in(name: str) -> bool:
    """A variable that must be there, at all or because of its companion."""
    return name in VARIABLES and (VARIABLES[name].required or bool(VARIABLES[name].companion))


def _problem(variable: Variable, values: Mapping[str, str]) -> Line | None:
    value = values.get(variable.name, "")
    if not value and variable.required and not values.get(variable.instead):
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
