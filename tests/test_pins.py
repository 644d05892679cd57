"""What the project is built on is pinned exactly: an upgrade is a change of its own."""

import json
import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.mark.requirement("PD-15")
def test_every_python_package_is_pinned_to_one_version_and_locked_with_hashes() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lock = (PROJECT / "requirements.lock").read_text()
    assert len(listed) > 20
    for requirement in listed:
        assert re.fullmatch(r"[a-z0-9-]+(\[[a-z]+\])?==[0-9][0-9.]*", requirement), requirement
        name, _, version = requirement.partition("==")
        pinned = (
            rf"^{re.escape(name.partition('[')[0])}=={re.escape(version)}\b.*\\\n    --hash=sha256:"
        )
        assert re.search(pinned, lock, re.MULTILINE), requirement


@pytest.mark.requirement("PD-15")
def test_every_node_package_is_pinned_to_one_version() -> None:
    package = json.loads((PROJECT / "package.json").read_text())
    listed = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
    assert listed
    assert [n for n, v in listed.items() if not re.fullmatch(r"[0-9]+\.[0-9.]+", v)] == []


@pytest.mark.requirement("PD-15")
def test_pipelines_install_the_pulumi_cli_that_tests_build() -> None:
    module = (PROJECT / "tools" / "pulumi" / "go.mod").read_text()
    action = (PROJECT / ".github" / "actions" / "setup" / "action.yml").read_text()
    [built] = re.findall(r"github.com/pulumi/pulumi/pkg/v3 v([0-9.]+) ", module, re.MULTILINE)
    [installed] = re.findall(r"pulumi-version: ([0-9.]+)$", action, re.MULTILINE)
    assert installed == built
