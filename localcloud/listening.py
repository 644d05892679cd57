"""Taking a port on the loopback address, or saying who has it."""

from __future__ import annotations

import errno
import socket

import psutil

from localcloud.endpoints import LOOPBACK, SWITCHES
from localcloud.errors import PortInUse


def listen(name: str, port: int) -> socket.socket:
    """A listening socket on 127.0.0.1 for the port called `name`. Raises PortInUse."""
    # The protocol is named, since asyncio sets TCP_NODELAY only where it is.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
        listening.listen(512)
    except OSError as error:
        listening.close()
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise port_in_use(name, port) from error
        raise
    listening.setblocking(False)
    return listening


def require_free(name: str, port: int) -> None:
    """Check that the port called `name` can be taken. Raises PortInUse."""
    if port:
        listen(name, port).close()


def port_in_use(name: str, port: int) -> PortInUse:
    """The error for a taken port, with its owner where the system tells it."""
    option, variable = SWITCHES[name]
    pid, owner = _owner(port)
    return PortInUse.on(port, option=option, variable=variable, pid=pid, name=owner)


def _owner(port: int) -> tuple[int | None, str | None]:
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            listening = connection.status == psutil.CONN_LISTEN
            if listening and address and address.port == port and connection.pid:
                return connection.pid, psutil.Process(connection.pid).name()
    except (psutil.Error, OSError):
        pass  # other users' processes are hidden on some systems: the port is all we know
    return None, None
