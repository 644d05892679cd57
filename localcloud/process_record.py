"""Who runs the local cloud: written by the serving process, trusted only while that lives."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from localcloud.atomic_write import write_whole
from localcloud.endpoints import Ports

_SAME_START_SECONDS = 1.5  # two readings of one process's start time differ by clock adjustments


@dataclass(frozen=True)
class Identity:
    """A process: its id and when it started, since ids are used again."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The identity of a living process, or None."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def process(self) -> psutil.Process | None:
        """The living process with this very identity, or None."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _SAME_START_SECONDS
            dead = process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if same and not dead else None


@dataclass(frozen=True)
class ProcessRecord:
    """The content of `daemon.json`. `ports` are the asked ones until the state is "ready"."""

    state: Literal["starting", "ready"]
    server: Identity
    ports: Ports
    host: Identity | None = None

    def write(self, path: Path) -> None:
        """Replace the file. Raises OSError."""
        write_whole(path, json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """The record, or None where there is none that can be read."""
        try:
            document = json.loads(path.read_text("utf-8"))
            host, ports = document["host"], Ports(**document["ports"])
            if document["state"] not in ("starting", "ready") or not all(
                type(port) is int for port in asdict(ports).values()
            ):
                return None
            return cls(
                state=document["state"],
                server=_identity(document["server"]),
                ports=ports,
                host=None if host is None else _identity(host),
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None


def _identity(document: Any) -> Identity:
    """Read an identity. Raises ValueError, KeyError, TypeError."""
    pid, started = document["pid"], document["started"]
    if type(pid) is not int or pid <= 0 or type(started) not in (int, float):
        raise ValueError
    return Identity(pid, started)


def end(identity: Identity | None, *, grace_s: float, ask: bool = True) -> None:
    """End a process that is verifiably the recorded one: ask, wait, then by force."""
    process = identity.process() if identity else None
    if process is None:
        return
    try:
        if ask:
            process.terminate()
        try:
            process.wait(grace_s)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)
    except psutil.Error:
        return
