"""Which Pulumi plugins the CLI runs with: the official ones, or this project's where asked for."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from ops.stacks.errors import ToolMissing, UsageError
from ops.stacks.tools import said

PROVIDERS_VARIABLE = "NOTIFYCTL_PROVIDERS"
"""``stand-ins``: the CLI gets this project's stand-ins for the Cloudflare and GitHub plugins."""

_TOOLS = Path(__file__).resolve().parents[2] / "tools"
PACKAGES = ("cloudflare", "github")
_VERSION = re.compile(r"\d{1,6}\.\d{1,6}\.\d{1,6}")
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
            ToolMissing: a plugin on PATH is of another version than its SDK.
        """
        wanted = environment.get(PROVIDERS_VARIABLE) or "official"
        if wanted == "official":
            for package in PACKAGES:
                if problem := version_problem(package, environment):
                    raise ToolMissing(problem)
            return cls()
        if wanted != "stand-ins":
            raise UsageError(
                f"{PROVIDERS_VARIABLE} is '{wanted}'; it must be 'official' or 'stand-ins'."
            )
        return cls.stand_ins(environment)

    @classmethod
    def stand_ins(cls, environment: Mapping[str, str]) -> Plugins:
        """Return this project's own plugins."""
        path = environment.get("PATH", "")
        return cls(
            environment={
                "PATH": os.pathsep.join((*map(str, _folders(path)), path)),
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            },
            notice=f"Stand-in providers deploy to this machine only ({PROVIDERS_VARIABLE}).",
        )


def version_problem(package: str, environment: Mapping[str, str]) -> str:
    """Say why a plugin on PATH doesn't fit the SDK that the program is written with.

    The CLI takes a plugin that is on PATH whatever its version; any other it gets by itself, in the
    SDK's version. A state that a newer plugin wrote can't be read by an older one.

    Args:
        package: the provider's, such as ``cloudflare``.
        environment: environment variables of the CLI.

    Returns:
        One sentence or two with what to do next; empty where it fits, or tells no version.
    """
    name = f"pulumi-resource-{package}"
    path = shutil.which(name, path=environment.get("PATH"))
    if path is None or Path(path).resolve().parent == _TOOLS / "stand-ins":
        return ""
    wanted = metadata.version(f"pulumi-{package}")
    found = _VERSION.search(said((path, "-version"), environment))
    if found is None or found.group() == wanted:
        return ""
    return (
        f"The Pulumi plugin {path} is version {found.group()}, and the program is written for "
        f"{package} {wanted}, so nothing was run. Take it off PATH and run 'pulumi plugin install "
        f"resource {package} {wanted}'."
    )


def _folders(path: str) -> list[Path]:
    """Return the folders for PATH; a CLI that was built has no language host beside it."""
    pulumi = shutil.which("pulumi", path=path)
    beside = Path(pulumi).resolve().parent / _LANGUAGE_HOST if pulumi else None
    has_host = shutil.which(_LANGUAGE_HOST, path=path) or (beside is not None and beside.exists())
    return [_TOOLS / "stand-ins", *([] if has_host else [_TOOLS / "plugins"])]
