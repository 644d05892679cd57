"""Removal of stacks whose pull request is closed."""

from __future__ import annotations

from dataclasses import dataclass

from ops.deploy.pull_request_stack import PullRequestStack, pull_request_of, stack_of
from ops.github.open_numbers import open_pull_requests
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError
from ops.stacks.listing import stack_names


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


def sweep(base: StackContext, *, open_numbers: set[int] | None) -> Sweep:
    """Remove every ``pr-N`` whose pull request isn't open; one that fails doesn't stop the rest.

    Args:
        base: the stack whose settings the others' derive from; they are in the same backend.
        open_numbers: the open pull requests; ``None`` asks GitHub.

    Raises:
        UsageError: GitHub can't be asked.
        OperationError: GitHub gave no list; nothing was removed.
    """
    names = [name for name in stack_names(base) if pull_request_of(name) is not None]
    if open_numbers is None and names:
        open_numbers = open_pull_requests(base)
    is_open = {stack_of(number) for number in open_numbers or ()}
    removed: list[str] = []
    failed: dict[str, str] = {}
    for name in names:
        if name in is_open:
            continue
        try:
            stack = PullRequestStack(base, pull_request_of(name) or 0)
            stack.destroy()
            removed.append(name)
        except OperationError as error:
            failed[name] = str(error)
    return Sweep(tuple(name for name in names if name in is_open), tuple(removed), failed)
