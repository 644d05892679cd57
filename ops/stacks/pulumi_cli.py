"""The Pulumi CLI that a command runs: the one on PATH, or the one that npm's package fetches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from localcloud.file_lock import LockTaken, locked
from ops.stacks.console import Reporter
from ops.stacks.errors import ToolMissing
from ops.stacks.tools import PULUMI

PULUMI_VARIABLE = "NOTIFYCTL_PULUMI"
"""``path``: only a CLI on PATH. ``npm``: the package's as well, in a pipeline too."""

_WRAPPER = Path("node_modules", ".bin", "pulumi")
_PACKAGE = Path("node_modules", "pulumi", "package.json")
_LIMIT_S = 600
"""For 150 MB and more on a slow line."""


@dataclass(frozen=True)
class PulumiCli:
    """A Pulumi CLI on this machine.

    Attributes:
        source: ``PATH``, or ``npm``: the package ``pulumi``, which keeps it in Pulumi's home.
        command: how it is called.
        root: its installation's folder; ``None`` for the one on PATH.
        version: of the package; empty for the one on PATH, which isn't asked here.
    """

    source: Literal["PATH", "npm"]
    command: str
    root: Path | None = None
    version: str = ""

    @property
    def notice(self) -> str:
        """Return one line for whoever didn't install a CLI; empty for the one on PATH."""
        if self.source == "PATH":
            return ""
        return f"No 'pulumi' on PATH: the Pulumi CLI {self.version} of npm's package is used."

    @classmethod
    def found(cls, project: Path, environment: Mapping[str, str]) -> PulumiCli | None:
        """Return the CLI that is here now; nothing is fetched.

        Args:
            project: the project's folder, with its ``node_modules``.
            environment: the process's variables.
        """
        if shutil.which("pulumi", path=environment.get("PATH")):
            return cls("PATH", "pulumi")
        packaged = cls.packaged(project, environment)
        if packaged is None or not _is_program(Path(packaged.command)):
            return None
        return packaged

    @classmethod
    def packaged(cls, project: Path, environment: Mapping[str, str]) -> PulumiCli | None:
        """Return the CLI of npm's package, fetched or not; ``None`` where it isn't to be used.

        In a pipeline a step of its own installs the CLI, which nothing there fetches unasked.
        """
        wanted = environment.get(PULUMI_VARIABLE, "")
        if wanted == "path" or (wanted != "npm" and environment.get("CI")):
            return None
        try:
            version = str(json.loads((project / _PACKAGE).read_text(encoding="utf-8"))["version"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        # Where lib/cache.js of the package keeps it, and Pulumi's automation API as well.
        home = Path(environment.get("PULUMI_HOME") or Path.home() / ".pulumi")
        root = home / "versions" / version
        return cls("npm", str(root / "bin" / "pulumi"), root, version)

    @classmethod
    def needed(
        cls, project: Path, environment: Mapping[str, str], *, why: str, reporter: Reporter
    ) -> PulumiCli:
        """Return the CLI, fetched through npm's package where there is no other.

        Args:
            project: the project's folder, with its ``node_modules``.
            environment: the process's variables.
            why: the sentence that says what it is needed for, without a full stop.
            reporter: where the download is shown.

        Raises:
            ToolMissing: there is none and it can't be fetched, or PATH's is too old.
        """
        found = cls.found(project, environment)
        packaged = cls.packaged(project, environment)
        if packaged is None or (found is not None and found.source == "PATH"):
            PULUMI.require(why, environment)
            return cls("PATH", "pulumi")
        if found is not None:
            return found
        with reporter.step(f"Fetching the Pulumi CLI {packaged.version} (npm's package)"):
            reason = packaged._fetch(project, environment)
            if reason:
                raise ToolMissing(
                    f"{why}, there is no 'pulumi' on PATH, and npm's package couldn't fetch "
                    f"{packaged.version}: {reason}. {PULUMI.install}"
                )
        return packaged

    def _fetch(self, project: Path, environment: Mapping[str, str]) -> str:
        """Let the package fetch its CLI; return why that failed, or an empty text."""
        binary = Path(self.command)
        own = {key: value for key, value in environment.items() if key != "PULUMI_VERSION"}
        try:
            binary.parents[2].mkdir(parents=True, exist_ok=True)
            with locked(binary.parents[2] / ".notifyctl.lock", seconds=_LIMIT_S):
                if _is_program(binary):
                    return ""
                done = subprocess.run(
                    [str(project / _WRAPPER), "version"],
                    capture_output=True,
                    text=True,
                    errors="replace",
                    check=False,
                    timeout=_LIMIT_S,
                    env=own,
                )
        except LockTaken:
            return "another command has been fetching it for 10 minutes"
        except subprocess.TimeoutExpired:
            return "it took longer than 10 minutes"
        except OSError as error:
            return f"{error.filename}: {error.strerror}"
        if done.returncode == 0 and _is_program(binary):
            return ""
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        return (said or ["it gave no reason"])[-1].removeprefix("pulumi: ").rstrip(".")


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK) and path.stat().st_size > 0
