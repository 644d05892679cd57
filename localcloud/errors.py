"""What can go wrong with the local cloud as a whole.

    LocalCloudError
    ├── PortInUse        a port is taken
    ├── NodeMissing      no Node, or one that is too old, or its packages are missing
    ├── DiskFull         no space is left for the state
    ├── StartFailed      the process ended, or never became healthy
    └── RuntimeDown      the Node host doesn't answer at the moment

Each text is one sentence for a person: what happened, where, what to do next.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Sequence
from pathlib import Path

COMMAND = ".venv/bin/notifyctl"
"""The command line as it can be pasted in the project's folder, whatever PATH is."""


class LocalCloudError(Exception):
    """Base of all errors that this package raises for its callers."""

    @property
    def kind(self) -> str:
        """The name of the public class, used to carry an error across processes."""
        return next(kind.__name__ for kind in type(self).__mro__ if kind.__name__ in KINDS)


class PortInUse(LocalCloudError):
    """Ports that the local cloud needs are taken by other processes."""

    @classmethod
    def on(cls, taken: Sequence[str], options: str) -> PortInUse:
        """Build the sentence.

        Args:
            taken: each port, with its owner where that is known.
            options: options for ports that are free.
        """
        ports = f"Port {taken[0]} on 127.0.0.1 is"
        if len(taken) > 1:
            ports = f"Ports {', '.join(taken[:-1])} and {taken[-1]} on 127.0.0.1 are"
        return cls(
            f"{ports} taken. Start the local cloud on other ports, which are kept for its data, "
            f"and run the same command again: {COMMAND} local start {options}"
        )


class NodeMissing(LocalCloudError):
    """Node isn't there, is older than 20, or its packages aren't installed."""


class DiskFull(LocalCloudError):
    """The disk that holds the state has no space left."""

    @classmethod
    def at(cls, place: Path) -> DiskFull:
        """Build the sentence for the folder `place`."""
        return cls(
            f"The disk that holds {place} is full: free some space and run the command again; "
            "nothing that was stored before is lost."
        )


class StartFailed(LocalCloudError):
    """The local cloud's process ended or never became healthy."""


class RuntimeDown(LocalCloudError):
    """The Node host isn't reachable: it is starting, restarting or has ended."""


KINDS: dict[str, type[LocalCloudError]] = {
    kind.__name__: kind
    for kind in (LocalCloudError, PortInUse, NodeMissing, DiskFull, StartFailed, RuntimeDown)
}


def is_disk_full(error: BaseException) -> bool:
    """Tell whether `error` is the operating system's or SQLite's way to say "no space left".

    SQLite reports SQLITE_FULL as an OperationalError (https://sqlite.org/rescode.html#full).
    """
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error)
