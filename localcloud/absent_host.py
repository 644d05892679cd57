"""A host that runs nothing: for an account that is only planned against."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re

from localcloud.host_process import HostOrder, HostProcess

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REFUSAL = {
    "error": {
        "code": "no_runtime",
        "message": "This account has no runtime: it is there to plan against, and runs nothing.",
    }
}
_EMPTY = (b"PUT /stores", b"PUT /routes", b"PUT /clock", b"GET /events")
"""The calls that a control plane without a resource makes when it starts."""


class AbsentHost:
    """A launcher of the control channel alone: no Node and no workerd are started.

    The empty lists of a control plane that has just started are accepted; everything else is
    refused, so that nothing can seem to run.
    """

    async def launch(self, order: HostOrder) -> HostProcess:
        """Listen on a free port of the loopback address. Raises OSError."""
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        return _Channel(server, order.edge_port)


class _Channel:
    """The listening socket in the shape of a host's process."""

    def __init__(self, server: asyncio.Server, edge_port: int) -> None:
        self._server = server
        self._ended = asyncio.Event()
        self.control_port = int(server.sockets[0].getsockname()[1])
        self.edge_port = edge_port
        self.pid = 0

    async def wait(self) -> None:
        await self._ended.wait()

    async def stop(self) -> None:
        self._server.close()
        self._ended.set()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request and close: the control channel speaks plain HTTP/1.1."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        # Closing before everything is read would reset the connection, and the answer with it.
        await reader.readexactly(int(length[1]) if length else 0)
        accepted = head.startswith(_EMPTY)
        body = b"{}\n" if accepted else json.dumps(_REFUSAL).encode()
        status = b"200 OK" if accepted else b"503 Service Unavailable"
        writer.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%b" % (status, len(body), body)
        )
        await writer.drain()
    writer.close()
