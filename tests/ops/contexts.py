"""Stacks as a command finds them, without a command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.project import Project


def context_of(
    root: Path,
    stack: str = "local",
    *,
    home: Path | None = None,
    file: Path | None = None,
    reporter: Reporter | None = None,
    environment: Mapping[str, str] | None = None,
) -> StackContext:
    """Return the context of a stack in a project.

    Args:
        root: the project's folder.
        stack: the stack's name.
        home: what the local stack keeps; ``None``: ``home`` in the project's folder.
        file: the settings file; ``None``: the stack's own.
        reporter: where steps are shown; ``None``: nowhere.
        environment: environment variables; ``None``: the process's.
    """
    project = Project(root=root, home=home or root / "home")
    quiet = reporter or Reporter(quiet=True)
    return StackContext.read(project, stack, quiet, path=file, environment=environment)
