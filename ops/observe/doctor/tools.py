"""Whether the programs that the project calls are there and new enough."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ops.access.checks.outcome import Outcome

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_PATIENCE_S = 60


@dataclass(frozen=True)
class Tool:
    """A program on PATH.

    Attributes:
        name: as people say it.
        command: what prints its version.
        least: the oldest version that does.
        install: a sentence: how to get it.
    """

    name: str
    command: tuple[str, ...]
    least: tuple[int, ...]
    install: str

    def look(self, *, needed: bool) -> Outcome:
        """Ask the tool for its version; one that isn't ``needed`` is at most warned of."""
        least = ".".join(map(str, self.least))
        if shutil.which(self.command[0]) is None:
            if not needed:
                return Outcome.ok(self.name, "not installed, and this stack does without it")
            found = f"there is no '{self.command[0]}' on PATH; {least} or newer is needed"
            return Outcome.fail(self.name, found, self.install)
        said = _said(self.command)
        match = _VERSION.search(said)
        if match is None:
            found = f"'{' '.join(self.command)}' tells no version"
            return Outcome.fail(self.name, found, self.install)
        version = tuple(int(part) for part in match.group().split("."))
        if version < self.least:
            found = f"{match.group()} is too old; {least} or newer is needed"
            return Outcome(self.name, "fail" if needed else "warn", found, self.install)
        return Outcome.ok(self.name, match.group())


NODE = Tool(
    "node",
    ("node", "--version"),
    (20,),
    "Install Node 20 or newer from your system's packages or nodejs.org; then 'make install'.",
)
GIT = Tool(
    "git",
    ("git", "--version"),
    (2, 20),
    "Install git 2.20 or newer from your system's packages.",
)
PULUMI = Tool(
    "pulumi",
    ("pulumi", "version"),
    (3, 238),
    "Install the Pulumi CLI 3.238 or newer as https://www.pulumi.com/docs/install/ describes, "
    "then log in to your state backend with 'pulumi login'.",
)
_PYTHON = ((3, 11), (3, 14))


def look_at_tools(*, pulumi_needed: bool) -> Iterator[Outcome]:
    """Yield one outcome per tool: Python, Node, git and the Pulumi CLI."""
    yield look_at_python(sys.version_info[:3])
    yield NODE.look(needed=True)
    yield GIT.look(needed=True)
    yield PULUMI.look(needed=pulumi_needed)


def look_at_python(version: tuple[int, ...]) -> Outcome:
    """Judge the interpreter that runs this command."""
    text = ".".join(map(str, version))
    low, high = _PYTHON
    if low <= version[:2] < high:
        return Outcome.ok("python", text)
    return Outcome.fail(
        "python",
        f"{text} doesn't do; 3.11, 3.12 or 3.13 is needed",
        "Install Python 3.11 and run 'make install PYTHON=/path/to/python3.11'.",
    )


def _said(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""
