"""A company's proxy: the only way out, by HTTP's method CONNECT (RFC 9110, section 9.3.6)."""

from __future__ import annotations

import select
import socket
import threading
from pathlib import Path

PORT = 3128
_CHUNK = 65536


def serve_connect(log: Path) -> None:
    """Serve from threads of their own; each host that was asked for is a line of ``log``."""
    listening = socket.create_server(("127.0.0.1", PORT))
    threading.Thread(target=_accept, args=(listening, log), daemon=True).start()


def _accept(listening: socket.socket, log: Path) -> None:
    while True:
        client, _ = listening.accept()
        threading.Thread(target=_serve, args=(client, log), daemon=True).start()


def _serve(client: socket.socket, log: Path) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        if not (part := client.recv(_CHUNK)):
            return
        head += part
    method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    with log.open("a") as file:
        file.write(f"{method} {target}\n")
    if method != "CONNECT":
        client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        client.close()
        return
    # Every name leads to this machine.
    server = socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2])))
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    _join(client, server)


def _join(client: socket.socket, server: socket.socket) -> None:
    ways = {client: server, server: client}
    with client, server:
        while True:
            readable, _, _ = select.select(list(ways), [], [])
            for one in readable:
                data = one.recv(_CHUNK)
                if not data:
                    return
                ways[one].sendall(data)
