"""A running sandbox as live settings: what a user who wants to try the live way would write into .env."""

from __future__ import annotations

import json
from pathlib import Path

from agent_ops.sandbox.addresses import Addresses


def twins_environment(addresses: Addresses, policy_file: Path) -> dict[str, str]:
    """Variables by name that let the program take the twins for the real services."""
    return {
        "TENANT_ID": addresses.tenant_id,
        "CLIENT_ID": addresses.client_id,
        "CLIENT_SECRET": addresses.client_secret,
        "AWS_REGION": addresses.region,
        "JENKINS_SSM_PARAMETER": addresses.ssm_parameter,
        "AGENT_OPS_JENKINS_INSTANCES": json.dumps(addresses.ssm_instances),
        "AWS_ACCESS_KEY_ID": addresses.access_key_id,
        "AWS_SECRET_ACCESS_KEY": addresses.secret_access_key,
        "SMTP_HOST": addresses.smtp_host,
        "SMTP_PORT": str(addresses.smtp_port),
        "SMTP_USERNAME": addresses.smtp_user,
        "SMTP_PASSWORD": addresses.smtp_password,
        "SMTP_FROM": f"agent-ops@{addresses.domain}",
        "AGENT_OPS_FIRST_CONTACT": f"it-desk@{addresses.domain}",
        "AGENT_OPS_SECOND_CONTACT": f"team-lead@{addresses.domain}",
        "AGENT_OPS_POLICY_FILE": str(policy_file),
        "JIRA_BASE_URL": addresses.jira_url,
        "JIRA_USERNAME": addresses.jira_user,
        "JIRA_API_TOKEN": addresses.jira_token,
        "CONFLUENCE_BASE_URL": addresses.confluence_url,
        "CONFLUENCE_USERNAME": addresses.jira_user,
        "CONFLUENCE_API_TOKEN": addresses.jira_token,
        "GITHUB_BASE_URL": addresses.github_url,
        "GITHUB_TOKEN": addresses.github_token,
        "CA_FILE": addresses.ca_file,
        "AGENT_OPS_AUTHORITY": addresses.entra_url,
        "AGENT_OPS_GRAPH_URL": f"{addresses.entra_url}/v1.0",
        "AGENT_OPS_AWS_ENDPOINT_URL": addresses.aws_url,
    }
