"""Whether the programs that the project calls are there, in versions that do."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ops.access.checks.outcome import Outcome
from ops.stacks.tools import GIT, NODE, PULUMI, Tool

_PYTHON = ((3, 11), (3, 14))


def look_at_tools(*, pulumi_needed: bool) -> Iterator[Outcome]:
    """Yield one outcome per tool: Python, Node, git and the Pulumi CLI."""
    yield look_at_python(sys.version_info[:3])
    yield look_at(NODE, needed=True)
    yield look_at(GIT, needed=True)
    yield look_at(PULUMI, needed=pulumi_needed)


def look_at(tool: Tool, *, needed: bool) -> Outcome:
    """Judge one tool; one that isn't ``needed`` is at most warned of."""
    state = tool.look()
    if not state.problem:
        return Outcome.ok(tool.name, state.version)
    if not needed and not state.is_there:
        return Outcome.ok(tool.name, "not installed, and this stack does without it")
    return Outcome(tool.name, "fail" if needed else "warn", state.problem, tool.install)


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
