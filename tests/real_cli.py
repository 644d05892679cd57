"""The real Pulumi CLI in tests, which this project's own plugins serve."""

from __future__ import annotations

import os
import shutil

from ops.stacks.plugins import PROVIDERS_VARIABLE, Plugins

_OFFICIAL = ("pulumi-resource-cloudflare", "pulumi-resource-github")


def _no_pulumi() -> str:
    return "" if shutil.which("pulumi") else "there is no pulumi on PATH"


def _no_plugins() -> str:
    missing = [name for name in _OFFICIAL if shutil.which(name) is None]
    return f"there is no {missing[0]} on PATH" if missing else ""


MISSING = {"real_pulumi": _no_pulumi, "real_plugin": _no_plugins}
"""For each marker, what says why its tests can't run on this machine; empty where they can."""


def providers() -> dict[str, str]:
    """Return what makes `notifyctl` use stand-ins, where an official plugin is missing."""
    return {PROVIDERS_VARIABLE: "stand-ins"} if _no_plugins() else {}


def cli_environment(**variables: str) -> dict[str, str]:
    """Return the environment of a CLI that talks to no registry and finds its plugins.

    Official plugins win where they are on PATH.
    """
    plugins = Plugins.stand_ins(os.environ).environment if _no_plugins() else {}
    return {
        **os.environ,
        **plugins,
        **variables,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
    }
