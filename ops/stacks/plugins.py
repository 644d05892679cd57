"""Which Pulumi plugins the CLI runs with: the official ones, or this project's where asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.stacks.errors import UsageError

PROVIDERS_VARIABLE = "NOTIFYCTL_PROVIDERS"
"""``stand-ins``: the CLI gets this project's stand-ins for the Cloudflare and GitHub plugins."""

_TOOLS = Path(__file__).resolve().parents[2] / "tools"
_LANGUAGE_HOST = "pulumi-language-python"


@dataclass(frozen=True)
class Plugins:
    """What a run of the CLI finds on PATH beside itself.

    Attributes:
        environment: variables of the CLI.
        notice: one line for whoever watches the run; empty with the official plugins.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""

    @classmethod
    def chosen(cls, environment: Mapping[str, str]) -> Plugins:
        """Return what ``NOTIFYCTL_PROVIDERS`` asks for.

        The stand-ins themselves refuse every endpoint that isn't a loopback address.

        Raises:
            UsageError: the variable holds another value than ``official`` or ``stand-ins``.
        """
        wanted = environment.get(PROVIDERS_VARIABLE) or "official"
        if wanted == "official":
            return cls()
        if wanted != "stand-ins":
            raise UsageError(
                f"{PROVIDERS_VARIABLE} is '{wanted}'; it must be 'official' or 'stand-ins'."
            )
        return cls.stand_ins(environment)

    @classmethod
    def stand_ins(cls, environment: Mapping[str, str]) -> Plugins:
        """Return this project's own plugins."""
        return cls(
            environment={
                "PATH": os.pathsep.join((*map(str, _folders()), environment.get("PATH", ""))),
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            },
            notice=f"Stand-in providers deploy to this machine only ({PROVIDERS_VARIABLE}).",
        )


def _folders() -> list[Path]:
    """Return the folders for PATH; a CLI that was built has no language host beside it."""
    pulumi = shutil.which("pulumi")
    beside = Path(pulumi).resolve().parent / _LANGUAGE_HOST if pulumi else None
    has_host = shutil.which(_LANGUAGE_HOST) or (beside is not None and beside.exists())
    return [_TOOLS / "stand-ins", *([] if has_host else [_TOOLS / "plugins"])]
