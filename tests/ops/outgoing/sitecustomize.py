"""Loaded by every Python process of a guarded command: notes each attempt to leave this machine.

The file that ``OUTGOING_LOG`` names gets one line per attempt, and the attempt fails.
"""

import ipaddress
import os
import sys


def _guard(event: str, arguments: tuple[object, ...]) -> None:
    if event not in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        return
    address = arguments[1] if event != "socket.getaddrinfo" else arguments
    if not isinstance(address, tuple):
        return  # a socket of the file system
    host = address[0]
    if isinstance(host, bytes):
        host = host.decode()
    if host is None or host == "" or host == "localhost" or str(host).endswith(".localhost"):
        return
    try:
        if ipaddress.ip_address(str(host).partition("%")[0]).is_loopback:
            return
    except ValueError:
        pass
    with open(os.environ["OUTGOING_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{event} {host}\n")
    raise PermissionError(f"The test allows no connection to {host}.")


if "OUTGOING_LOG" in os.environ:
    sys.addaudithook(_guard)
