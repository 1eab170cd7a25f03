"""The AWS agent."""

from agent_ops.agents.spec import AgentSpec
from agent_ops.tools.aws import TOOLS

spec = AgentSpec("aws", "reads S3 buckets and objects, and EC2 machines and security groups; changes nothing", "aws", TOOLS)
