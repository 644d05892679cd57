"""``notifyctl`` as a process that can't leave this machine and has nobody's credentials."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from ops.stacks.local_stack import is_credential

ROOT = Path(__file__).resolve().parents[2]
NOTIFYCTL = ROOT / ".venv" / "bin" / "notifyctl"
_OUTGOING = Path(__file__).with_name("outgoing")
LIMIT = 240
"""Seconds after which a command is taken for hung."""


class GuardedCommand:
    """Runs commands with a note of every attempt to connect off this machine.

    Args:
        folder: for the note, and for temporary files, so that leftovers are seen.
        environment: further variables.
    """

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        self._log = folder / "outgoing.log"
        clean = {name: value for name, value in os.environ.items() if not is_credential(name)}
        self.environment = {
            **clean,
            "TMPDIR": str(self.temporary),
            "OUTGOING_LOG": str(self._log),
            "PYTHONPATH": f"{_OUTGOING}{os.pathsep}{ROOT}",
            "NOTIFYCTL_ENGINE": "embedded",
            **(environment or {}),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``notifyctl`` to its end, whatever its exit code."""
        return subprocess.run(
            [str(NOTIFYCTL), *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """Run with ``--json``, expect exit code 0, and return the document."""
        result = self.run(*arguments, "--json")
        assert result.returncode == 0, result.stderr + result.stdout
        return json.loads(result.stdout)

    @property
    def outgoing(self) -> list[str]:
        """The attempts to leave this machine, one text each."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    @property
    def leftovers(self) -> list[str]:
        """What the commands left in the folder for temporary files."""
        return sorted(path.name for path in self.temporary.iterdir())
