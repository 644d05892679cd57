"""Every local command, run where each attempt to leave this machine is noted and fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.installation import free_ports
from tests.ops.guarded_command import ROOT, GuardedCommand

pytestmark = pytest.mark.workerd
GUARD = Path(__file__).parents[1] / "outgoing" / "guard.mjs"
ELSEWHERE = "https://api.cloudflare.com/client/v4"


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedCommand]:
    """Commands on a local cloud of their own, Python and Node both guarded."""
    folder = tmp_path_factory.mktemp("guarded")
    control, edge, sink = free_ports(3)
    guarded = GuardedCommand(
        folder,
        {
            "NOTIFICATION_LOCAL_HOME": str(folder / "home"),
            "NOTIFICATION_LOCAL_CONTROL_PORT": str(control),
            "NOTIFICATION_LOCAL_EDGE_PORT": str(edge),
            "NOTIFICATION_LOCAL_SINK_PORT": str(sink),
            "NODE_OPTIONS": f"--import={GUARD.as_uri()}",
            # Somebody's own, which no local command may read or use.
            "CLOUDFLARE_API_TOKEN": "t" * 40,
            "GITHUB_TOKEN": "g" * 40,
        },
    )
    yield guarded
    guarded.run("local", "stop")


def test_no_local_command_tries_to_leave_this_machine(command: GuardedCommand) -> None:
    for arguments in (
        ("up", "--stack", "local"),
        ("status", "--stack", "local"),
        ("refresh", "--stack", "local"),
        ("drift", "--stack", "local"),
        ("history", "--stack", "local"),
        ("releases", "--stack", "local"),
        ("logs", "--stack", "local"),
        ("local", "status"),
        ("destroy", "--stack", "local", "--yes"),
    ):
        result = command.run(*arguments)
        assert result.returncode == 0, (arguments, result.stderr)
        assert command.outgoing == [], arguments


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("key", "name"),
    [
        *(("cloudflare:baseUrl", name) for name in ("up", "preview", "refresh")),
        *(("github:baseUrl", name) for name in ("up", "preview", "refresh", "destroy")),
    ],
)
def test_an_address_elsewhere_is_refused_before_anything_is_asked(
    command: GuardedCommand, tmp_path: Path, key: str, name: str
) -> None:
    settings = _settings_with(key, tmp_path)
    before = command.outgoing
    extra = ("--yes",) if name == "destroy" else ()
    result = command.run("--config-file", str(settings), name, "--stack", "local", *extra)
    used = ELSEWHERE in _rendered(command)
    assert result.returncode != 0 or not used, result.stdout
    assert command.outgoing == before


@pytest.mark.soak
def test_destroy_asks_the_account_that_the_file_names_before_it_starts_anything(
    command: GuardedCommand, tmp_path: Path
) -> None:
    # Such a stack is an account's, and `destroy` needs no setting but the account's.
    settings = _settings_with("cloudflare:baseUrl", tmp_path)
    before = len(command.outgoing)
    result = command.run("--config-file", str(settings), "destroy", "--stack", "local", "--yes")
    assert (result.returncode, "✗ Account" in result.stdout) == (6, True), result.stderr
    assert set(command.outgoing[before:]) == {"socket.getaddrinfo api.cloudflare.com"}
    assert "stopped" in command.run("local", "status").stdout


def _settings_with(key: str, folder: Path) -> Path:
    """The local stack's settings with an address that is elsewhere."""
    document = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())
    document["config"][key] = ELSEWHERE
    settings = folder / "Pulumi.local.yaml"
    settings.write_text(yaml.safe_dump(document))
    return settings


def _rendered(command: GuardedCommand) -> str:
    """The settings that the last command gave to the program."""
    home = Path(command.environment["NOTIFICATION_LOCAL_HOME"])
    found = home / "stack" / "Pulumi.local.yaml"
    return found.read_text() if found.exists() else ""


def test_the_guard_notes_what_node_tries(command: GuardedCommand, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for host in ("192.0.2.1", "example.com", "127.0.0.1"):
        code = f"require('net').connect(1, {json.dumps(host)}).on('error', () => {{}})"
        subprocess.run(
            ["node", "-e", code],
            env={**command.environment, "OUTGOING_LOG": str(log)},
            capture_output=True,
            check=False,
            timeout=60,
        )
    assert log.read_text().splitlines() == ["net.connect 192.0.2.1", "net.connect example.com"]
