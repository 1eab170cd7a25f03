"""Watches a process and all its children in the kernel, and tells which connections and look-ups leave this machine."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_CALLS = "trace=connect,sendto,sendmsg,sendmmsg"
_INET = re.compile(r'sa_family=AF_INET6?, .*?htons\((?P<port>\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")(?P<address>[^"]+)"')
_UNIX = re.compile(r'sa_family=AF_UNIX, sun_path="(?P<path>[^"]+)"')
_RESOLVER = "systemd/resolve"
_DNS = 53


@dataclass(frozen=True)
class Seen:
    """What was observed: calls that name an address, and those of them that are not of this machine alone."""

    result: subprocess.CompletedProcess[str]
    calls: list[str]
    leaks: list[str]


def observe(command: Sequence[str], cwd: Path, env: dict[str, str], timeout: float) -> Seen:
    """Run a command under strace, for so many seconds at most; skips the test where that cannot be done."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: nobody could see whether a connection leaves the loopback")
    if subprocess.run([strace, "-f", "-qq", "-e", "trace=none", "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace processes here: nobody could see whether a connection leaves the loopback")
    trace = cwd / "trace.txt"
    watched = [strace, "-f", "--seccomp-bpf", "-qq", "-e", _CALLS, "-e", "signal=none", "-o", str(trace), *command]
    result = _run(watched, cwd, env, timeout)
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    calls = [line for line in lines if "sa_family=AF_INET" in line or "sa_family=AF_UNIX" in line]
    return Seen(result, calls, [line for line in calls if leaves(line)])


def _run(command: list[str], cwd: Path, env: dict[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Its result; one that hangs (on a proxy that is not there?) is ended with its children, and what it did was seen."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=cwd, env=env, text=True, start_new_session=True, **pipes) as process:
        try:
            said = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, *said)


def leaves(call: str) -> bool:
    """Whether a traced call asks for something beyond the loopback: another address, or a name server wherever it is."""
    unix = _UNIX.search(call)
    if unix:
        return _RESOLVER in unix["path"]
    found = _INET.findall(call)
    if not found:
        return True  # an address that cannot be read proves nothing
    return any(int(port) == _DNS or not _is_own(address) for port, address in found)


def _is_own(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
