"""The one boundary where foreign exceptions and statuses become ours.

The question that decides is always: may the work have been done? A refused connection or a 429 says no
(``ServiceUnavailable``); a cut connection, a time-out or a 5xx to a write says perhaps (``ServiceAmbiguous``); any other
answer below 500 says no, for good (``ServiceRefused``).
"""

from agent_ops.transport.vendor_errors.atlassian import confluence_errors, is_missing_at_atlassian, jira_errors
from agent_ops.transport.vendor_errors.aws import aws_code, aws_read_errors, boto_errors
from agent_ops.transport.vendor_errors.github import github_answer, github_errors
from agent_ops.transport.vendor_errors.http import (
    check_no_redirect,
    httpx_errors,
    msal_errors,
    requests_errors,
    status_error,
)
from agent_ops.transport.vendor_errors.jwt import jwt_errors
from agent_ops.transport.vendor_errors.smtp import smtp_errors

__all__ = [
    "aws_code",
    "aws_read_errors",
    "boto_errors",
    "check_no_redirect",
    "confluence_errors",
    "github_answer",
    "github_errors",
    "httpx_errors",
    "is_missing_at_atlassian",
    "jira_errors",
    "jwt_errors",
    "msal_errors",
    "requests_errors",
    "smtp_errors",
    "status_error",
]
