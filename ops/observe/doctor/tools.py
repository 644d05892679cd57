"""Whether the programs that the project calls are there, in versions that do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ops.access.checks.outcome import Outcome
from ops.stacks.context import StackContext
from ops.stacks.errors import ToolMissing
from ops.stacks.plugins import PACKAGES, version_problem
from ops.stacks.pulumi_cli import PulumiCli
from ops.stacks.tools import GIT, NODE, PULUMI, Tool

_PYTHON = ((3, 11), (3, 14))


def look_at_tools(context: StackContext) -> Iterator[Outcome]:
    """Yield one outcome per tool: Python, Node, git, the Pulumi CLI, and plugins that don't fit.

    A stack of an account needs the CLI: npm's package fetches it where there is no other.
    """
    yield look_at_python(sys.version_info[:3])
    yield look_at(NODE, needed=True)
    yield look_at(GIT, needed=True)
    yield _look_at_pulumi(context)
    yield from look_at_plugins(context.environment)


def look_at_plugins(environment: Mapping[str, str]) -> Iterator[Outcome]:
    """Yield what is wrong with a plugin on PATH, which the CLI takes whatever its version."""
    for package in PACKAGES:
        if problem := version_problem(package, environment):
            told, _, advice = problem.partition(". ")
            yield Outcome.fail(f"plugin {package}", told, advice)


def _look_at_pulumi(context: StackContext) -> Outcome:
    root, environment = context.project.root, context.environment
    cli = PulumiCli.found(root, environment)
    if cli is None and not context.is_local and PulumiCli.packaged(root, environment):
        try:
            cli = PulumiCli.needed(
                root, environment, why=f"{PULUMI.range} is needed", reporter=context.reporter
            )
        except ToolMissing as error:
            found = str(error).removesuffix(f" {PULUMI.install}").rstrip(".")
            return Outcome.fail(PULUMI.name, found, PULUMI.install)
    tool = replace(PULUMI, command=(cli.command, "version")) if cli else PULUMI
    outcome = look_at(tool, needed=not context.is_local)
    if cli is None or outcome.result != "ok":
        return outcome
    where = shutil.which(cli.command) if cli.source == "PATH" else "npm's package"
    return Outcome.ok(PULUMI.name, f"{outcome.found} ({where})")


def look_at(tool: Tool, *, needed: bool) -> Outcome:
    """Judge one tool; one that isn't ``needed`` is at most warned of."""
    state = tool.look()
    if not state.problem:
        return Outcome.ok(tool.name, state.version)
    if not needed and not state.is_there:
        return Outcome.ok(tool.name, "not installed, and this stack doesn't need it")
    return Outcome(tool.name, "fail" if needed else "warn", state.problem, tool.install)


def look_at_python(version: tuple[int, ...]) -> Outcome:
    """Judge the interpreter that runs this command."""
    text = ".".join(map(str, version))
    low, high = _PYTHON
    if low <= version[:2] < high:
        return Outcome.ok("python", text)
    return Outcome.fail(
        "python",
        f"{text} isn't supported; 3.11, 3.12 or 3.13 is needed",
        "Install Python 3.11 and run 'make install PYTHON=/path/to/python3.11'.",
    )
