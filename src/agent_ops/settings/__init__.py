"""The only reader of the environment. Builds the frozen configuration objects that the clients define."""

from agent_ops.settings.env_file import write_env_file
from agent_ops.settings.environment import Environment, PolicyEnvironment
from agent_ops.settings.settings import Settings
from agent_ops.settings.studio import StudioEnvironment
from agent_ops.settings.twins import twins_environment
from agent_ops.settings.values import DATA_DIR, Credentials

__all__ = [
    "DATA_DIR",
    "Credentials",
    "Environment",
    "PolicyEnvironment",
    "Settings",
    "StudioEnvironment",
    "twins_environment",
    "write_env_file",
]
