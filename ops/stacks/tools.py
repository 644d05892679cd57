"""Which programs the project calls, in which versions: read in one place."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from ops.stacks.errors import ToolMissing

_VERSION = re.compile(r"\d{1,6}(?:\.\d{1,6}){1,3}")
_PATIENCE_S = 60
_MAX_SAID = 10_000

Version = tuple[int, ...]


@dataclass(frozen=True)
class ToolState:
    """What was found of a tool.

    Attributes:
        version: as it tells it; empty where it isn't there or tells none.
        problem: why it doesn't do, as a clause; empty where it does.
        is_there: whether there is such a program.
    """

    version: str
    problem: str
    is_there: bool = True


@dataclass(frozen=True)
class Tool:
    """A program on PATH.

    Attributes:
        name: as people say it.
        command: what prints its version.
        least: the oldest version that does.
        below: the first version that doesn't any more; empty where none is known.
        install: a sentence: how to get it.
    """

    name: str
    command: tuple[str, ...]
    least: Version
    below: Version
    install: str

    @property
    def range(self) -> str:
        """The versions that do, for a person."""
        least = ".".join(map(str, self.least))
        if not self.below:
            return f"{least} or newer"
        return f"{least} or newer, below {'.'.join(map(str, self.below))}"

    def look(self, environment: Mapping[str, str] | None = None) -> ToolState:
        """Ask the tool for its version.

        Args:
            environment: the tool's environment variables; ``None`` takes the process's.
        """
        path = None if environment is None else environment.get("PATH")
        program = shutil.which(self.command[0], path=path)
        if program is None:
            problem = f"there is no '{self.command[0]}' on PATH; {self.range} is needed"
            return ToolState("", problem, is_there=False)
        match = _VERSION.search(said((program, *self.command[1:]), environment))
        if match is None:
            problem = f"'{' '.join(self.command)}' shows no version; {self.range} is needed"
            return ToolState("", problem)
        version = tuple(int(part) for part in match.group().split("."))
        if version < self.least:
            return ToolState(match.group(), f"{match.group()} is too old; {self.range} is needed")
        if self.below and version >= self.below:
            return ToolState(match.group(), f"{match.group()} is too new; {self.range} is needed")
        return ToolState(match.group(), "")

    def require(self, why: str, environment: Mapping[str, str] | None = None) -> None:
        """Go on only where the tool does.

        Args:
            why: what needs it, as a sentence without its full stop.
            environment: as for `look`.

        Raises:
            ToolMissing: it isn't there, tells no version, or has one that doesn't do.
        """
        state = self.look(environment)
        if state.problem:
            raise ToolMissing(f"{why}, and {state.problem}. {self.install}")


NODE = Tool(
    "node",
    ("node", "--version"),
    (20,),
    (),
    "Install Node 20 or newer from your system's packages or nodejs.org; then 'make install'.",
)
GIT = Tool(
    "git",
    ("git", "--version"),
    (2, 20),
    (),
    "Install git 2.20 or newer from your system's packages.",
)
PULUMI = Tool(
    "pulumi",
    ("pulumi", "version"),
    (3, 238),
    (4,),
    "Install the Pulumi CLI 3.238 or newer as https://www.pulumi.com/docs/install/ describes, "
    "then log in to your state backend with 'pulumi login'.",
)


def said(command: tuple[str, ...], environment: Mapping[str, str] | None = None) -> str:
    """Return what a program prints, its first characters; nothing where it fails or hangs."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            env=None if environment is None else dict(environment),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr)[:_MAX_SAID] if done.returncode == 0 else ""
