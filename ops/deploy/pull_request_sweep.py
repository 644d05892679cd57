"""Removal of stacks whose pull request is closed."""

from __future__ import annotations

from dataclasses import dataclass

from ops.deploy.pull_request_stack import PullRequestStack, pull_request_of
from ops.github.repository import Repository
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, UsageError
from ops.stacks.listing import stack_names

_INSTEAD = "No stack was removed. Or name the open ones: --open 12,15."


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
    found = ((name, pull_request_of(name)) for name in stack_names(base))
    numbers = {name: number for name, number in found if number is not None}
    if open_numbers is None and numbers:
        open_numbers = open_pull_requests(base)
    kept: list[str] = []
    removed: list[str] = []
    failed: dict[str, str] = {}
    for name, number in numbers.items():
        if number in (open_numbers or ()):
            kept.append(name)
            continue
        try:
            PullRequestStack(base, number).destroy()
            removed.append(name)
        except OperationError as error:
            failed[name] = str(error)
    return Sweep(tuple(kept), tuple(removed), failed)


def open_pull_requests(context: StackContext) -> set[int]:
    """Return the numbers of the repository's open pull requests.

    Source: GitHub REST API, "List pull requests".

    Raises:
        UsageError: nothing says which repository, or there is no token.
        OperationError: GitHub refused, or gave no answer.
    """
    try:
        repository = Repository.of(context)
        found: set[int] = set()
        for item in repository.pages("/pulls", {"state": "open"}):
            if not isinstance(number := item.get("number"), int):
                raise OperationError("GitHub listed a pull request without its number.")
            found.add(number)
        return found
    except UsageError as error:
        raise UsageError(f"{error} {_INSTEAD}") from None
    except OperationError as error:
        raise OperationError(f"{error} {_INSTEAD}") from None
