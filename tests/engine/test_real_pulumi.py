"""The same state directory under this engine and under the real CLI, in both directions.

These tests run where a `pulumi` is on PATH; what the CLI accepts is not enough (it overlooks
much), so the states themselves are compared too.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.deployment_codec import DeploymentCodec
from engine.passphrase import PassphraseSecrets
from engine.property_value import Secret
from engine.resource_fields import resource_to_fields
from tests.engine.test_lifecycle import names
from tests.engine.workspace import PASSPHRASE, SALT, Workspace
from tests.real_cli import cli_environment

pytestmark = pytest.mark.real_pulumi

_MOVING = {"id", "created", "modified", "sourcePosition", "stackTrace"}


class Cli:
    """The real CLI on a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        workspace.backend.mkdir(exist_ok=True)
        workspace.write_config()
        self.environment = cli_environment(
            PULUMI_BACKEND_URL=f"file://{workspace.backend}",
            PULUMI_CONFIG_PASSPHRASE=PASSPHRASE,
            PULUMI_HOME=str(workspace.folder / "home"),
        )

    def __call__(self, *arguments: str) -> str:
        """Run a command that has to end well, and return its output."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever its exit code."""
        return subprocess.run(
            ["pulumi", *arguments, "--stack", "dev", "--non-interactive"],
            cwd=self._workspace.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command and return its process."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--stack", "dev", "--non-interactive"],
            cwd=self._workspace.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def up(self) -> dict[str, int]:
        """Update; the counts as its history tells them."""
        self("up", "--yes", "--skip-preview")
        history = json.loads(self("stack", "history", "--json"))
        changes: dict[str, int] = history[0]["resourceChanges"]
        return changes


@pytest.fixture
def family(workspace: Workspace) -> Workspace:
    outside = workspace.folder / "outside"
    outside.mkdir()
    workspace.config["folder"] = str(outside)
    workspace.program("family")
    source = Path(__file__).with_name("programs") / "records_provider.py"
    shutil.copy(source, workspace.folder / "app" / source.name)
    return workspace


@pytest.fixture
def cli(family: Workspace) -> Cli:
    return Cli(family)


def comparable(workspace: Workspace) -> list[dict[str, Any]]:
    """The state in clear, without what is different each time."""
    codec = DeploymentCodec("organization/probe/dev", PassphraseSecrets(SALT, PASSPHRASE))
    deployment = codec.decode(workspace.stack_file.read_text())
    found = []
    for state in deployment.resources:
        fields = {k: v for k, v in resource_to_fields(state).items() if k not in _MOVING}
        if "provider" in fields:
            fields["provider"] = fields["provider"].rpartition("::")[0]
        fields["dependencies"] = sorted(fields.get("dependencies") or [])
        fields["propertyDependencies"] = {
            key: sorted(urns) for key, urns in (fields.get("propertyDependencies") or {}).items()
        }
        found.append(_shown(fields))
    return sorted(found, key=lambda fields: str(fields["urn"]))


def _shown(value: Any) -> Any:
    """Secrets as a tagged list, and pickled programs left out."""
    if isinstance(value, Secret):
        text = _shown(value.value)
        return ["secret", "program" if isinstance(text, str) and len(text) > 200 else text]
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return value


def test_both_write_the_same_state(family: Workspace, cli: Cli) -> None:
    cli("stack", "init")
    assert cli.up() == {"create": 5}
    theirs = comparable(family)
    assert family.engine().preview().changes == {"same": 5}
    shutil.rmtree(family.backend)
    family.backend.mkdir()
    for file in Path(family.config["folder"]).glob("record-*"):
        file.unlink()
    assert family.up().changes == {"create": 5}
    assert comparable(family) == theirs
    cli("preview", "--expect-no-changes")


def test_each_undoes_what_the_other_did(family: Workspace, cli: Cli) -> None:
    assert family.up().changes == {"create": 5}
    before = comparable(family)
    family.edit('"text": "elder"', '"text": "newer"')
    assert family.up().changes == {"replace": 1, "same": 3, "update": 1}
    cli("preview", "--expect-no-changes")
    family.edit('"text": "newer"', '"text": "elder"')
    assert cli.up() == {"same": 4, "update": 1}
    assert family.up().changes == {"same": 5}
    after, earlier = (json.dumps(state, sort_keys=True) for state in (comparable(family), before))
    assert after.replace("newer", "elder") == earlier


def test_renames_go_through_either_way(family: Workspace, cli: Cli) -> None:
    assert family.up().changes == {"create": 5}
    family.edit(
        r'Family\("family"\)',
        'Family("clan", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="family")]))',
    )
    assert names(family.engine().preview().steps) == []
    assert family.up().changes == {"same": 5}
    cli("preview", "--expect-no-changes")
    family.edit(
        r'Family\("clan", .*\)\)$|Family\("clan".*',
        'Family("tribe", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="clan")]))',
    )
    assert cli.up() == {"same": 5}
    assert family.up().changes == {"same": 5}
    cli("preview", "--expect-no-changes")


def test_a_killed_run_of_this_engine_is_settled_before_the_cli_looks(
    family: Workspace, cli: Cli
) -> None:
    family.up()
    document = json.loads(family.stack_file.read_text())
    latest = document["checkpoint"]["latest"]
    latest["pending_operations"] = [{"resource": latest["resources"][-1], "type": "updating"}]
    family.stack_file.write_text(json.dumps(document))
    assert family.up().changes == {"same": 5}
    assert "pending_operations" not in family.state()
    cli("preview", "--expect-no-changes")


def test_the_cli_destroys_what_the_engine_made(family: Workspace, cli: Cli) -> None:
    family.edit("protect=True", "protect=False")
    family.up()
    cli("destroy", "--yes", "--skip-preview")
    assert "resources" not in family.state()
    assert [entry["kind"] for entry in family.engine().history()] == ["destroy", "update"]
    assert family.up().changes == {"create": 5}
