"""Taking a port on the loopback address, or saying who has it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Iterable, Mapping

import psutil

from localcloud.endpoints import LOOPBACK, SWITCHES
from localcloud.errors import PortInUse, StartFailed

_MAX_PORT = 65_536
_MIN_PORT = 1_024
"""Ports below are the system's own."""
_STEP = 10_000
"""How far away another port is looked for: programs take ports near each other."""


def listen(name: str, port: int) -> socket.socket:
    """A listening socket on 127.0.0.1 for the port called `name`. Raises PortInUse."""
    try:
        listening = _bound(port)
    except OSError as error:
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise ports_in_use({name: port}) from error
        raise
    listening.setblocking(False)
    return listening


def require_free(ports: Mapping[str, int]) -> None:
    """Check that all of these ports, by their names, can be taken; 0 can.

    Raises PortInUse, which names every one that is taken, and StartFailed for one that two ask for.
    """
    chosen = [port for port in ports.values() if port]
    for port in chosen:
        if chosen.count(port) > 1:
            names = " and ".join(name for name, other in ports.items() if other == port)
            options = " ".join(SWITCHES[name][0] for name, other in ports.items() if other == port)
            raise StartFailed(
                f"The ports of {names} are both {port}: give each its own, by {options}."
            )
    taken = {name: port for name, port in ports.items() if port and not _is_free(port)}
    if taken:
        raise ports_in_use(taken, besides=ports.values())


def ports_in_use(taken: Mapping[str, int], *, besides: Iterable[int] = ()) -> PortInUse:
    """Return the error for taken ports, with their owners where the system tells them.

    It has the options of a start on other ports, which are free now and none of `besides`.
    """
    told = [f"{port}{_owner(port)}" for port in taken.values()]
    used = {*taken.values(), *besides}
    options = []
    for name, port in taken.items():
        other = _free_above(port + _STEP, used)
        used.add(other)
        options.append(f"{SWITCHES[name][0]} {other}")
    return PortInUse.on(told, " ".join(options))


def _is_free(port: int) -> bool:
    try:
        _bound(port).close()
    except OSError as error:
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            return False
        raise
    return True


def _free_above(port: int, used: Collection[int]) -> int:
    for candidate in range(port % _MAX_PORT, _MAX_PORT):
        if candidate >= _MIN_PORT and candidate not in used and _is_free(candidate):
            return candidate
    return 0


def _bound(port: int) -> socket.socket:
    # The protocol is named, since asyncio sets TCP_NODELAY only where it is.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
        listening.listen(512)
    except OSError:
        listening.close()
        raise
    return listening


def _owner(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            listening = connection.status == psutil.CONN_LISTEN
            if listening and address and address.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except (psutil.Error, OSError):
        pass  # other users' processes are hidden on some systems: the port is all we know
    return ""
