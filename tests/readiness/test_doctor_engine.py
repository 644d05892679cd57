"""doctor says what carries out a local stack's operations, and with which plugins."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.observe.doctor.logins import Logins
from tests.installation import ROOT
from tests.ops.contexts import context_of


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, "the embedded one, with stand-ins for Pulumi's plugins"),
        ({"NOTIFYCTL_ENGINE": "embedded"}, "the embedded one, with stand-ins for Pulumi's plugins"),
        ({"NOTIFYCTL_ENGINE": "cli"}, "the Pulumi CLI, with the official plugins"),
        (
            {"NOTIFYCTL_ENGINE": "cli", "NOTIFYCTL_PROVIDERS": "stand-ins"},
            "the Pulumi CLI, with this project's stand-ins for plugins",
        ),
    ],
)
def test_the_engine_and_its_plugins_are_named(
    tmp_path: Path, variables: dict[str, str], found: str
) -> None:
    environment = {"PATH": str(tmp_path), "PULUMI_HOME": str(tmp_path), **variables}
    context = context_of(ROOT, home=tmp_path, environment=environment)
    outcomes = {one.check: one for one in Logins(context).plugins()}
    assert (outcomes["engine"].result, outcomes["engine"].found) == ("ok", found)


def test_a_cli_with_the_cloudflare_plugin_beside_it_is_used_unasked(tmp_path: Path) -> None:
    cli = tmp_path / "bin" / "pulumi"
    cli.parent.mkdir()
    cli.write_text("#!/bin/sh\n")
    cli.chmod(0o755)
    environment = {"PATH": str(cli.parent), "PULUMI_HOME": str(tmp_path)}
    context = context_of(ROOT, home=tmp_path, environment=environment)
    told = [one.found for one in Logins(context).plugins() if one.check == "engine"]
    assert told == ["the embedded one, with stand-ins for Pulumi's plugins"]
    (tmp_path / "plugins" / "resource-cloudflare-v6.23.1").mkdir(parents=True)
    told = [one.found for one in Logins(context).plugins() if one.check == "engine"]
    assert told == ["the Pulumi CLI, with the official plugins"]
