"""The deployed service of a stack, ready to be called."""

from __future__ import annotations

from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import StackFailed
from ops.stacks.service import ServiceClient


def connect(context: StackContext) -> ServiceClient:
    """Return a signed client of the service that the stack has deployed.

    Raises:
        StackFailed: the stack isn't deployed.
    """
    found = choose_driver(context).outputs(show_secrets=True)
    url, key = found.get("service_url"), found.get("api_secret_key")
    if not isinstance(url, str) or not isinstance(key, str):
        stack = context.stack
        raise StackFailed(
            f"The stack '{stack}' isn't deployed: it has no service_url. "
            f"Run 'notifyctl up --stack {stack}'."
        )
    return ServiceClient(url, key)
