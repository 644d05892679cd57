"""The host of an account that is only planned against: it takes nothing, and says so."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from localcloud.absent_host import AbsentHost
from localcloud.host_process import HostOrder

ORDER = HostOrder("t", Path("/state"), 65_535, "http://broker", "b")
REFUSAL = {
    "error": {
        "code": "no_runtime",
        "message": "This account has no runtime: it is there to plan against, and runs nothing.",
    }
}


async def asked(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ("PUT /stores", b'{"d1":[],"kv":[]}', b"200 OK"),
        ("PUT /routes", b"{}", b"200 OK"),
        ("PUT /clock", b"{}", b"200 OK"),
        ("GET /events", b"", b"200 OK"),
        ("GET /health", b"", b"503 Service Unavailable"),
        ("PUT /versions/v", b"x" * 200_000, b"503 Service Unavailable"),
        ("POST /d1/d/query", b"[]", b"503 Service Unavailable"),
    ],
)
@pytest.mark.parametrize("length", ["Content-Length: %d", "content-length:%d"])
def test_what_begins_with_nothing_is_taken_and_all_else_refused(
    head: str, body: bytes, status: bytes, length: str
) -> None:
    async def scene() -> bytes:
        host = await AbsentHost().launch(ORDER)
        assert (host.edge_port, host.pid) == (65_535, 0)
        lines = f"{head} HTTP/1.1\r\nHost: h\r\n" + (f"{length % len(body)}\r\n" if body else "")
        answer = await asked(host.control_port, lines.encode() + b"\r\n" + body)
        ended = asyncio.ensure_future(host.wait())
        await asyncio.sleep(0)
        assert not ended.done()
        await host.stop()
        await ended
        return answer

    answer = asyncio.run(asyncio.wait_for(scene(), 30))
    told, _, content = answer.partition(b"\r\n\r\n")
    expected = {} if status == b"200 OK" else REFUSAL
    assert json.loads(content) == expected
    assert told.split(b"\r\n") == [
        b"HTTP/1.1 " + status,
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(content),
        b"Connection: close",
    ]
