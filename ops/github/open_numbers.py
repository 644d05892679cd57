"""Which pull requests are open, as GitHub's API tells."""

from __future__ import annotations

from ops.github.repository import Repository
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, UsageError

_INSTEAD = "No stack was removed. Or name the open ones: --open 12,15."


def open_pull_requests(context: StackContext) -> set[int]:
    """Return the numbers of the repository's open pull requests.

    Source: GitHub REST API, "List pull requests".

    Raises:
        UsageError: nothing says which repository, or there is no token.
        OperationError: GitHub refused, or gave no answer.
    """
    try:
        repository = Repository.of(context)
        return {int(item["number"]) for item in repository.pages("/pulls", {"state": "open"})}
    except UsageError as error:
        raise UsageError(f"{error} {_INSTEAD}") from None
    except OperationError as error:
        raise OperationError(f"{error} {_INSTEAD}") from None
