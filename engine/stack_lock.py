"""The lock of a stack, as Pulumi's DIY backend keeps it.

A lock is a file ``UUID.json`` with pid, user, host and time. One writes its own, lists the folder
again and gives way if another is there (pulumi/pulumi pkg/backend/diy/lock.go). Here a lock whose
process on this host is dead is removed instead.
"""

from __future__ import annotations

import contextlib
import datetime
import getpass
import json
import os
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StackLocked
from engine.file_backend import write_whole


@dataclass(frozen=True)
class LockHolder:
    """Who holds a lock. ``since`` is in seconds since the epoch.

    ``is_damaged``: the file does not say who; its own time stands for ``since``.
    """

    file: Path
    pid: int
    user: str
    host: str
    since: float
    is_damaged: bool = False

    @property
    def is_dead(self) -> bool:
        """True only where the process certainly does not live any more: it was on this host, and
        its pid is free or belongs to a process that began after the lock was taken.
        """
        import psutil  # Imported late: only a lock that is in the way needs it.

        if self.host != socket.gethostname() or self.pid <= 0:
            return False
        try:
            began = psutil.Process(self.pid).create_time()
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False
        # A process is older than its own lock; two seconds cover the clock's coarse ticks.
        return bool(self.since and began > self.since + 2)

    def __str__(self) -> str:
        since = datetime.datetime.fromtimestamp(self.since, datetime.UTC)
        if self.is_damaged:
            return (
                f"somebody whom {self.file} does not name (it is damaged or can't be read), since "
                f"{since:%F %T} UTC"
            )
        return f"process {self.pid} of {self.user} on {self.host}, since {since:%F %T} UTC"


def user_name() -> str:
    """The user's name; the number where no name belongs to it, as in a container run by a uid."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


class StackLock:
    """Takes and gives back the lock of one stack; ``folder`` is the stack's lock folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: Path | None = None

    def acquire(self) -> list[str]:
        """Take the lock; returns one sentence for each dead process's lock that was removed.

        Raises ``StackLocked``, naming pid and host, where a living process holds one.
        """
        notices = self._clear_dead()
        own = self._folder / f"{uuid.uuid4()}.json"
        stamp = datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
        holder = {
            "pid": os.getpid(),
            "username": user_name(),
            "hostname": socket.gethostname(),
            "timestamp": stamp,
        }
        write_whole(own, json.dumps(holder))
        self._own = own
        try:
            self._refuse_others(own)
        except BaseException:
            self.release()
            raise
        return notices

    def release(self) -> None:
        """Give the lock back; without one, nothing happens."""
        if self._own is not None:
            self._own.unlink(missing_ok=True)
            self._own = None

    def holders(self) -> list[LockHolder]:
        """Who holds a lock on the stack."""
        return list(self._holders())

    def break_all(self) -> int:
        """Remove every lock of the stack, as ``pulumi cancel`` does; returns how many."""
        holders = self.holders()
        for holder in holders:
            holder.file.unlink(missing_ok=True)
        return len(holders)

    def _refuse_others(self, own: Path | None) -> None:
        for holder in self._holders():
            if holder.file != own:
                raise StackLocked(
                    f"The stack is locked by {holder}. Wait until it is done; if it does not run "
                    f"any more, remove the lock: notifyctl unlock --stack {self._folder.name}"
                )

    def _clear_dead(self) -> list[str]:
        notices = []
        for holder in self._holders():
            if holder.is_dead:
                holder.file.unlink(missing_ok=True)
                notices.append(f"Removed the lock that {holder} left behind; it is not running.")
        self._refuse_others(None)
        return notices

    def _holders(self) -> Iterator[LockHolder]:
        for file in sorted(self._folder.glob("*.json")):
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
                since = datetime.datetime.fromisoformat(content["timestamp"]).timestamp()
                pid, user = int(content["pid"]), str(content.get("username", "unknown"))
                yield LockHolder(file, pid, user, str(content["hostname"]), since)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
                # A disk that was full leaves an empty file, another user one that only they may
                # read: a lock, but nobody's in particular.
                with contextlib.suppress(FileNotFoundError):
                    written = file.stat().st_mtime
                    yield LockHolder(file, 0, "unknown", "unknown", written, is_damaged=True)
