"""The CLI of a local stack sees the variables that it is given and no others."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psutil
import pytest
from pulumi import automation

from ops.stacks.cli_command import OrderlyCommand
from ops.stacks.pulumi_cli import PulumiCli

PROGRAM = """#!{python}
import json, os, sys
if "fail" in sys.argv:
    sys.exit("error: it failed")
if "orphan" in sys.argv:
    import signal, subprocess
    left = subprocess.Popen(["sleep", "600"], process_group=0)
    with open("left", "w") as file:
        file.write(str(left.pid))
    os.kill(os.getpid(), signal.SIGKILL)
if "talk" in sys.argv:
    for number in range(9999):
        print(f"line {{number}} of a long output")
    open("ended", "w").close()
elif "version" in sys.argv:
    print("v3.272.0")
else:
    print(json.dumps({{"arguments": sys.argv[1:], "variables": dict(os.environ)}}))
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OrderlyCommand:
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "a real account's")
    return OrderlyCommand(PulumiCli("npm", str(program), tmp_path), closed=True)


def test_no_credential_of_the_process_reaches_it(command: OrderlyCommand, tmp_path: Path) -> None:
    lines: list[str] = []
    result = command.run(
        ["stack", "ls"], str(tmp_path), {"OWN": "1", "PATH": "/usr/bin"}, on_output=lines.append
    )
    found = json.loads(result.stdout)
    assert found["arguments"] == ["--non-interactive", "stack", "ls"]
    assert found["variables"]["OWN"] == "1"
    assert "CLOUDFLARE_API_TOKEN" not in found["variables"]
    # The program that it runs finds the same CLI.
    assert found["variables"]["PATH"].split(os.pathsep)[0] == str(tmp_path / "bin")
    assert lines == result.stdout.splitlines()


def test_a_failure_is_the_automation_apis_own_error(
    command: OrderlyCommand, tmp_path: Path
) -> None:
    with pytest.raises(automation.CommandError, match="it failed"):
        command.run(["fail"], str(tmp_path), {})


def test_what_a_killed_cli_leaves_running_is_ended(command: OrderlyCommand, tmp_path: Path) -> None:
    """A plugin is in a process group of its own, and yet in the CLI's session."""
    with pytest.raises(automation.CommandError):
        command.run(["orphan"], str(tmp_path), {"PATH": os.environ["PATH"]})
    left = int((tmp_path / "left").read_text())
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE


def test_a_listener_that_fails_is_heard_of_once_the_cli_has_ended(
    command: OrderlyCommand, tmp_path: Path
) -> None:
    """More output than a pipe holds: a CLI whose output isn't read would wait for ever."""

    def broken(line: str) -> None:
        raise RuntimeError(f"the listener broke at {line[:7]}")

    with pytest.raises(RuntimeError, match="the listener broke at line 0"):
        command.run(["talk"], str(tmp_path), {}, on_output=broken)
    assert (tmp_path / "ended").exists()
