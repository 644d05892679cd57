"""The project's driver of the real CLI: what protects a resource is taken off in the state."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ops.stacks.cli import CliDriver
from ops.stacks.cli_workspace import CliWorkspace
from ops.stacks.errors import StackFailed
from tests.engine.test_real_pulumi import Cli, comparable
from tests.engine.workspace import CANARY, Workspace
from tests.ops.contexts import context_of

pytestmark = pytest.mark.real_pulumi


def protected(workspace: Workspace) -> list[str]:
    resources = workspace.state()["resources"]
    return [str(one["urn"]).rpartition("::")[2] for one in resources if one.get("protect")]


def without_protection(workspace: Workspace) -> list[dict[str, Any]]:
    """The state in clear, but for who is protected."""
    return [{k: v for k, v in one.items() if k != "protect"} for one in comparable(workspace)]


@pytest.mark.requirement("PD-09")
def test_a_protected_resource_is_removed_after_unprotect_and_not_before(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = workspace.folder / "outside"
    outside.mkdir()
    workspace.config["folder"] = str(outside)
    workspace.program("family")
    shutil.copy(
        Path(__file__).with_name("programs") / "records_provider.py", workspace.folder / "app"
    )
    cli = Cli(workspace)
    cli("stack", "init")
    assert cli.up() == {"create": 5}
    for name, value in cli.environment.items():
        monkeypatch.setenv(name, value)
    context = context_of(workspace.folder, "dev", file=workspace.config_file)
    driver = CliDriver(CliWorkspace.for_account(context))
    before = without_protection(workspace)

    assert protected(workspace) == ["guarded"]
    with pytest.raises(StackFailed, match=r"guarded.*cannot be deleted"):
        driver.destroy(lambda _: None)
    assert len(workspace.state()["resources"]) > 3

    temporary = workspace.folder / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    driver.unprotect()
    assert CANARY not in json.dumps(driver.export())
    # Nor has anything on the way left a secret behind in clear.
    left = [file for file in workspace.folder.rglob("*") if file.is_file()]
    assert [file for file in left if CANARY.encode() in file.read_bytes()] == []
    assert protected(workspace) == []
    # The secrets in it went through the export and back: encrypted, and still the same.
    assert without_protection(workspace) == before

    assert driver.destroy(lambda _: None).changes["delete"] == 5
    assert "resources" not in workspace.state()
