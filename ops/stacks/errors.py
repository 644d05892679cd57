"""Errors that end a ``notifyctl`` command, each with the process's exit code.

OperationError (1)
├── UsageError (2)
├── ToolMissing (3)
├── StackFailed (4): StackMissing, StackLocked, StackDamaged
├── VerificationFailed (5)
├── ServiceError (6)
├── DriftFound (7)
└── GateClosed (8)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import StateDamaged


class OperationError(Exception):
    """A command can't go on.

    The message is one or more whole sentences: what happened, where, and what to do next. It never
    holds a secret, SQL or a stack trace.
    """

    exit_code = 1


class UsageError(OperationError):
    """The command line or a stack file asks for something that can't be done."""

    exit_code = 2


class ToolMissing(OperationError):
    """A program that the command needs isn't on this machine."""

    exit_code = 3


class StackFailed(OperationError):
    """A Pulumi operation ended in failure; what was done up to then is kept in the state."""

    exit_code = 4


class StackMissing(StackFailed):
    """The state backend has no stack of that name."""


class StackLocked(StackFailed):
    """Another operation holds the stack's lock, or one that was killed.

    Attributes:
        holder: ``USER@HOST``, or an empty text where the backend doesn't tell.
        pid: the process on that host, or ``None``.
        since: since when, as the backend writes it.
    """

    def __init__(
        self, message: str, *, holder: str = "", pid: int | None = None, since: str = ""
    ) -> None:
        super().__init__(message)
        self.holder = holder
        self.pid = pid
        self.since = since


class StackDamaged(StackFailed):
    """The stack's checkpoint in a file backend is empty, cut off or not JSON.

    Attributes:
        damage: the damaged file, and its newest whole copy.
    """

    def __init__(self, damage: StateDamaged) -> None:
        super().__init__(str(damage))
        self.damage = damage


class VerificationFailed(OperationError):
    """The deployed service doesn't behave as a good release must.

    Attributes:
        check: name of the check that failed, or an empty text.
    """

    exit_code = 5

    def __init__(self, message: str, *, check: str = "") -> None:
        super().__init__(message)
        self.check = check


class ServiceError(OperationError):
    """The service couldn't be reached, or refused a call.

    Attributes:
        status: HTTP status of the answer, or ``None`` where there was no answer.
        code: the service's error code (``INVALID_SIGNATURE``, …), or ``None``.
        unanswered: whether nothing answered a call that was sent.
    """

    exit_code = 6

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        unanswered: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.unanswered = unanswered


class DriftFound(OperationError):
    """What is really there isn't what the stack's state says."""

    exit_code = 7


class GateClosed(OperationError):
    """A check forbids a step that people may regret; the message says what opens it."""

    exit_code = 8


@contextmanager
def reading(otherwise: OperationError) -> Iterator[None]:
    """Read an answer in the block, of whatever form it may be.

    Raises:
        OperationError: ``otherwise``, if the answer hasn't the form that the block takes it for.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise otherwise from None
