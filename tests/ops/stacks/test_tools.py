"""A tool's version is read in one place, and judged by a range."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

import pytest

from ops.stacks.choice import choose_driver
from ops.stacks.errors import ToolMissing
from ops.stacks.plugins import Plugins
from ops.stacks.tools import PULUMI
from tests.ops.contexts import context_of


def program(folder: Path, name: str, text: str) -> dict[str, str]:
    """Put a shell script on a PATH of its own, and return the environment with it."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("echo v3.238.0", ""),
        ("echo v3.274.1", ""),
        ("echo v3.238", ""),
        ("echo v4.0", "4.0 is too new"),
        ("echo 3.237.9", "3.237.9 is too old"),
        ("echo 3.100", "3.100 is too old"),
        ("echo v4.0.0", "4.0.0 is too new"),
        ("echo", "'pulumi version' shows no version"),
        ("echo v3.274.1; exit 1", "'pulumi version' shows no version"),
    ],
)
def test_a_version_is_in_the_range_or_refused(tmp_path: Path, said: str, problem: str) -> None:
    state = PULUMI.look(program(tmp_path, "pulumi", said))
    assert state.problem.startswith(problem)
    assert bool(state.problem) == bool(problem)
    if problem:
        assert "3.238 or newer, below 4 is needed" in state.problem


@pytest.mark.parametrize("said", ["echo 3.100", "echo", "exit 1"])
def test_no_operation_runs_on_a_cli_that_does_not_do(tmp_path: Path, said: str) -> None:
    (tmp_path / "Pulumi.production.yaml").write_text("config: {}\n")
    environment = program(tmp_path, "pulumi", said)
    context = context_of(tmp_path, "production", environment=environment)
    with pytest.raises(ToolMissing, match=r"is deployed by the Pulumi CLI, and .* is needed\."):
        choose_driver(context)


def test_a_plugin_on_path_is_of_its_sdks_version_or_refused(tmp_path: Path) -> None:
    wanted = metadata.version("pulumi-cloudflare")
    for said in (f"echo v{wanted}", "echo", "exit 1"):
        environment = program(tmp_path, "pulumi-resource-cloudflare", said)
        assert Plugins.chosen(environment) == Plugins()
    environment = program(tmp_path, "pulumi-resource-cloudflare", "echo 6.17.0")
    with pytest.raises(ToolMissing) as refused:
        Plugins.chosen(environment)
    assert "is version 6.17.0" in str(refused.value)
    assert f"pulumi plugin install resource cloudflare {wanted}" in str(refused.value)


def test_the_stand_ins_find_a_language_host_on_the_path_that_the_cli_gets(tmp_path: Path) -> None:
    def folders(environment: dict[str, str]) -> list[str]:
        found = Plugins.stand_ins(environment).environment["PATH"].split(os.pathsep)
        return [Path(one).name for one in found]

    bare = {"PATH": str(tmp_path)}
    assert folders(bare) == ["stand-ins", "plugins", tmp_path.name]
    environment = program(tmp_path, "pulumi-language-python", "exit 0")
    assert folders(environment)[:2] == ["stand-ins", tmp_path.name]
