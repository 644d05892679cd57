"""The engine's exceptions, one per kind of refusal.

EngineError
 ├─ NotLoopback        a provider endpoint points off this machine
 ├─ StackLocked        another live process holds the stack's lock
 ├─ WrongPassphrase    the passphrase does not belong to the salt, or a ciphertext is damaged
 ├─ StateUnreadable    a file of the backend is not what Pulumi writes
 │   └─ StateDamaged   the stack's checkpoint is empty, cut off or not text
 ├─ Unsupported        the program asks for a Pulumi feature that this engine does not have
 ├─ ProviderError      a provider refused or failed a call
 ├─ ProgramFailed      the program ended with an error of its own
 └─ Stopped            the operation is ending because something else failed or was cancelled

Every message is one sentence or two: what happened, where, what to do next. None holds a secret.
"""

from __future__ import annotations

from pathlib import Path


class EngineError(Exception):
    """Base of all errors that the engine raises on purpose."""


class NotLoopback(EngineError):
    """A provider's base URL is missing or is not a loopback address."""


class StackLocked(EngineError):
    """The stack is locked by a process that is alive, or that runs on another host."""


class WrongPassphrase(EngineError):
    """The passphrase does not open the stack's secrets."""


class StateUnreadable(EngineError):
    """A state, config or project file cannot be read as Pulumi's format."""


class StateDamaged(StateUnreadable):
    """A stack's checkpoint is damaged: it is never taken for none, and never written over.

    Args:
        stack: the stack's name.
        file: the damaged checkpoint.
        copy: its newest whole copy; ``None`` where there is none.
        lock_dir: the folder of the stack's locks.
    """

    def __init__(self, stack: str, *, file: Path, copy: Path | None, lock_dir: Path) -> None:
        self.file = file
        self.copy = copy
        self.lock_dir = lock_dir
        told = f"The state {file} is damaged: it is empty, cut off or not text."
        way = (
            f"The newest whole copy is {copy}. 'notifyctl recover --stack {stack}' puts it back "
            "and compares it with what is there."
            if copy is not None
            else "There is no whole copy of it. Put a backup of your own in its place. To begin a "
            f"new state, remove the file; 'notifyctl import --stack {stack}' then takes over what "
            "is in the account."
        )
        super().__init__(f"{told} {way}")


class Unsupported(EngineError):
    """The program uses a Pulumi feature that only the real CLI has."""

    def __init__(self, feature: str, *, where: str) -> None:
        super().__init__(
            f"{where} uses {feature}, which the embedded engine does not have: "
            "install the pulumi CLI to deploy this program."
        )


class ProviderError(EngineError):
    """A provider could not do what was asked; the message is the provider's own."""


class ProgramFailed(EngineError):
    """The Pulumi program ended with an error."""


class Stopped(EngineError):
    """No new step may begin: the operation failed elsewhere or was cancelled."""
