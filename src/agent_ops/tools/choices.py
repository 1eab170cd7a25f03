"""What every tool's arguments begin with."""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.tools import InjectedToolArg
from pydantic import BaseModel, ConfigDict, PlainSerializer


class NoChoice(BaseModel):
    """Nothing for a model to choose. A tool's arguments add to it what a model may choose, each bounded."""

    model_config = ConfigDict(extra="forbid")

    context: Annotated[Any, PlainSerializer(id), InjectedToolArg]  # handles: given by code, never validated or copied
