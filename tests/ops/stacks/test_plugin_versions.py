"""A plugin on PATH that isn't the SDK's is named before anything runs."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from ops.observe.doctor.tools import look_at_plugins
from ops.stacks.errors import ToolMissing
from ops.stacks.plugins import Plugins


def plugin(folder: Path, version: str) -> dict[str, str]:
    """An environment with a Cloudflare plugin of that version on PATH."""
    path = folder / "pulumi-resource-cloudflare"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_an_older_plugin_is_told_with_the_version_that_is_wanted(tmp_path: Path) -> None:
    environment = plugin(tmp_path, "6.17.0")
    wanted = metadata.version("pulumi-cloudflare")

    (outcome,) = look_at_plugins(environment)

    assert (outcome.check, outcome.result) == ("plugin cloudflare", "fail")
    assert f"is version 6.17.0, and the program is written for cloudflare {wanted}" in outcome.found
    assert f"pulumi plugin install resource cloudflare {wanted}" in outcome.advice
    with pytest.raises(ToolMissing, match=r"version 6\.17\.0"):
        Plugins.chosen(environment)


def test_the_sdks_own_version_is_no_problem(tmp_path: Path) -> None:
    environment = plugin(tmp_path, f"v{metadata.version('pulumi-cloudflare')}")
    assert list(look_at_plugins(environment)) == []
    assert Plugins.chosen(environment) == Plugins()
