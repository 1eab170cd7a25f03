"""The doctor: probes every service with the configured credentials, changes nothing, and says what to do."""

from agent_ops.runtime.doctor.checks import Diagnosis
from agent_ops.runtime.doctor.configured import Configured, read_configured
from agent_ops.runtime.doctor.examine import CHECKS, examine
from agent_ops.runtime.doctor.lines import Line, Verdict

__all__ = ["CHECKS", "Configured", "Diagnosis", "Line", "Verdict", "examine", "read_configured"]
