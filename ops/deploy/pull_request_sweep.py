"""Removal of stacks whose pull request is closed."""

from __future__ import annotations

from dataclasses import dataclass

from ops.deploy.pull_request_stack import PullRequestStack, pull_request_of, stack_of
from ops.github.open_numbers import open_pull_requests
from ops.stacks.console import Reporter
from ops.stacks.errors import OperationError
from ops.stacks.listing import stack_names
from ops.stacks.project import Project
from ops.stacks.settings_file import StackFile


@dataclass(frozen=True)
class Sweep:
    """What a sweep did.

    Attributes:
        kept: stacks whose pull request is open.
        removed: stacks that are gone now.
        failed: stacks that couldn't be removed, each with the reason.
    """

    kept: tuple[str, ...]
    removed: tuple[str, ...]
    failed: dict[str, str]


def sweep(
    project: Project, *, base: StackFile, open_numbers: set[int] | None, reporter: Reporter
) -> Sweep:
    """Remove every ``pr-N`` whose pull request isn't open; one that fails doesn't stop the rest.

    Args:
        project: the project's folder.
        base: the settings that the others' derive from; they are in the same backend.
        open_numbers: the open pull requests; ``None`` asks GitHub.
        reporter: where the steps are shown.

    Raises:
        UsageError: GitHub can't be asked.
        OperationError: GitHub gave no list; nothing was removed.
    """
    names = [
        name
        for name in stack_names(project, is_local=base.is_loopback)
        if pull_request_of(name) is not None
    ]
    if open_numbers is None and names:
        open_numbers = open_pull_requests(project, base)
    is_open = {stack_of(number) for number in open_numbers or ()}
    removed: list[str] = []
    failed: dict[str, str] = {}
    for name in names:
        if name in is_open:
            continue
        try:
            stack = PullRequestStack(project, pull_request_of(name) or 0, base, reporter)
            stack.destroy()
            removed.append(name)
        except OperationError as error:
            failed[name] = str(error)
    return Sweep(tuple(name for name in names if name in is_open), tuple(removed), failed)
