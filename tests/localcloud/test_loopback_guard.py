"""Who gets nothing from a server on the loopback address, and how large a body may be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from localcloud.loopback_guard import LoopbackGuard

OTHER_NAME = "This server answers only to loopback names such as 127.0.0.1 or localhost.\n"
OTHER_SITE = "Pages of other sites can't use this server.\n"
TOO_LARGE = "The body has more than 9 bytes.\n"


async def _measure(scope: Scope, receive: Receive, send: Send) -> None:
    size = len(await Request(scope, receive).body())
    await PlainTextResponse(f"served {size}")(scope, receive, send)


GUARD = LoopbackGuard(_measure, max_body=9, streaming=re.compile("/stream/.+"))


def asked(
    path: str = "/",
    body: bytes | AsyncIterator[bytes] = b"",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(GUARD)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9") as client:
            return await client.post(path, content=body, headers=named)

    answer = asyncio.run(ask())
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8787", True),
        ("LOCALHOST.:1", True),
        ("[::1]:1", True),
        ("[::1]", True),
        ("w.shop.localhost:1", True),
        ("example.com", False),
        ("127.0.0.1.example.com", False),
        ("localhost.example.com:80", False),
        ("notlocalhost", False),
        ("127.0.0.1:x", False),
        ("", False),
    ],
)
def test_only_names_of_this_machine_are_answered(host: str, served: bool) -> None:
    assert asked(headers={"host": host}) == ((200, "served 0") if served else (403, OTHER_NAME))


@pytest.mark.parametrize(
    ("headers", "served"),
    [
        ({"origin": "http://localhost:3000"}, True),
        ({"origin": "http://127.0.0.1"}, True),
        ({"origin": "https://example.com"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://["}, False),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, True),
        ({"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"}, True),
        ({"sec_fetch_site": "cross-site", "origin": "http://localhost"}, True),
    ],
)
def test_no_page_of_another_site_is_answered(headers: dict[str, str], served: bool) -> None:
    assert asked(headers=headers) == ((200, "served 0") if served else (403, OTHER_SITE))


@pytest.mark.parametrize(
    ("size", "path", "answer"),
    [
        (9, "/", (200, "served 9")),
        (10, "/", (413, TOO_LARGE)),
        (10, "/stream/x", (200, "served 10")),
        (10, "/stream/", (413, TOO_LARGE)),
    ],
)
def test_a_body_has_its_size_but_where_it_is_read_in_parts(
    size: int, path: str, answer: tuple[int, str]
) -> None:
    assert asked(path, b"x" * size) == answer


@pytest.mark.parametrize("length", ["x", "-1", "1" * 16])
def test_a_length_that_is_none_is_too_large(length: str) -> None:
    assert asked(headers={"content-length": length}) == (413, TOO_LARGE)


@pytest.mark.parametrize(("parts", "refused"), [((4, 5), False), ((4, 6), True)])
def test_a_body_without_a_length_is_counted_as_it_comes(
    parts: tuple[int, ...], refused: bool
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for size in parts:
            yield b"x" * size

    if refused:
        with pytest.raises(Exception, match="The body has more than 9 bytes"):
            asked("/", body())
    else:
        assert asked("/", body()) == (200, "served 9")
