"""The deployed service of a stack, ready to be called."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from infra.settings.values import is_loopback
from notification_sdk import (
    NotificationClient,
    NotificationError,
    StatusError,
    TransportError,
    UnknownFieldsWarning,
    ValidationError,
)
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import ServiceError, StackFailed, UsageError
from ops.stacks.local_cloud import require_local_cloud
from ops.stacks.service import ServiceClient
from ops.stacks.table import visible


def connect(context: StackContext) -> ServiceClient:
    """Return a signed client of the service that the stack has deployed, for calls of any kind.

    Raises:
        StackFailed: the stack isn't deployed.
    """
    return ServiceClient(*_address(context))


@contextmanager
def connected(context: StackContext) -> Iterator[NotificationClient]:
    """Yield the client library's client of the service that the stack has deployed.

    Raises:
        StackFailed: the stack isn't deployed.
        UsageError: a call inside the block can't be made with what it was given.
        ServiceError: the service refused a call inside the block, or didn't answer, or the stack is
            local and its cloud doesn't run.
    """
    url, key = _address(context)
    client = NotificationClient(url, key, trust_env=not is_loopback(url))
    with client, warnings.catch_warnings():
        warnings.simplefilter("always", UnknownFieldsWarning)
        warnings.showwarning = _tell
        try:
            yield client
        except NotificationError as error:
            if isinstance(error, ValidationError) and error.status is None:
                raise UsageError(error.message) from None
            raise service_error(error) from None


def _tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of the client library as commands print theirs: without a place in code."""
    (file or sys.stderr).write(f"warning: {visible(str(message))}\n")


def service_error(error: NotificationError) -> ServiceError:
    """Return what a command says of the client library's error."""
    if isinstance(error, StatusError) and error.request is not None:
        asked = f"{error.request.method} {error.request.url.path}"
        reason = error.message.rstrip(".")
        message = f"{asked} was refused with {error.status} {error.code}: {reason}."
    else:
        message = error.message
    unanswered = isinstance(error, TransportError)
    return ServiceError(message, status=error.status, code=error.code, unanswered=unanswered)


def _address(context: StackContext) -> tuple[str, str]:
    """Return the URL and the key of the service."""
    if context.is_local:
        require_local_cloud(context.project, context.stack)
    found = choose_driver(context).outputs(show_secrets=True)
    url, key = found.get("service_url"), found.get("api_secret_key")
    if not isinstance(url, str) or not isinstance(key, str):
        stack = context.stack
        raise StackFailed(
            f"The stack '{stack}' isn't deployed: it has no service_url. "
            f"Run 'notifyctl up --stack {stack}'."
        )
    return url, key
