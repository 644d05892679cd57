"""Makes a fresh network namespace into a world of its own; the namespace's first process.

Loopback comes up, every name leads to this machine, and a TLS proxy passes what is meant for
Cloudflare, GitHub, workers.dev and the account's own zone on to a local cloud on its usual ports.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import subprocess
import sys
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.endpoints import Ports
from tests.closed_network import bucket
from tests.closed_network.faults import Faults, door
from tests.closed_network.forward_proxy import serve_connect
from tests.closed_network.names import Authority, Resolver

SUBDOMAIN = "local"
"""The workers.dev subdomain of the local cloud's account."""
ZONE = "example.test"
"""The zone of the local cloud's account."""
NAMES = (
    *("api.cloudflare.com", "api.github.com", f"*.{bucket.HOST}"),
    *(f"*.{SUBDOMAIN}.workers.dev", f"*.{ZONE}"),
)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
_OF_A_CONNECTION = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
_UP_AND_RUNNING = 0x41
_SET_FLAGS = 0x8914
"""``IFF_UP | IFF_RUNNING`` and ``SIOCSIFFLAGS`` of Linux's if.h and sockios.h."""


def bring_loopback_up() -> None:
    """Set the one interface that a new namespace has to work."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", _UP_AND_RUNNING)
        fcntl.ioctl(any_socket, _SET_FLAGS, request)


def target_of(host: str, path: str, ports: Ports) -> tuple[str, str]:
    """Return the URL on this machine for a host's path, and the Host header to send there."""
    if host == "api.cloudflare.com":
        return f"http://127.0.0.1:{ports.control}{path}", f"127.0.0.1:{ports.control}"
    if host == "api.github.com":
        return f"http://127.0.0.1:{ports.control}/api/v3{path}", f"127.0.0.1:{ports.control}"
    if host.endswith(f".{ZONE}"):
        return f"http://127.0.0.1:{ports.edge}{path}", host
    label = host.removesuffix(f".{SUBDOMAIN}.workers.dev")
    return f"http://127.0.0.1:{ports.edge}{path}", f"{label}.localhost:{ports.edge}"


def proxy(ports: Ports, faults: Faults) -> Starlette:
    """Return the application behind every name."""
    client = httpx.AsyncClient(trust_env=False, timeout=120)
    kept_in_r2 = bucket.Bucket()

    async def forward(request: Request) -> Response:
        body = await request.body()
        fault = faults.of(request, body)
        if fault is not None and fault.status and not fault.late:
            return Response(fault.body, fault.status, media_type=fault.content_type)
        if (request.url.hostname or "").endswith(f".{bucket.HOST}"):
            return await kept_in_r2.answer(request)
        query = f"?{request.url.query}" if request.url.query else ""
        raw_path = request.scope["raw_path"].decode()
        url, host = target_of(request.url.hostname or "", raw_path + query, ports)
        headers = [(k, v) for k, v in request.headers.items() if k not in _OF_A_CONNECTION]
        try:
            answer = await client.request(
                request.method,
                url,
                headers=[*headers, ("host", host)],
                content=body,
            )
        except httpx.HTTPError as error:
            return Response(f"{type(error).__name__} behind the proxy", status_code=502)
        if fault is not None and fault.late:
            return Response(fault.body, fault.status, media_type=fault.content_type)
        if fault is not None:
            await faults.hold()
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name not in _OF_A_CONNECTION and name != "content-encoding"
        }
        return Response(answer.content, answer.status_code, headers=kept)

    return Starlette(routes=[Route("/{path:path}", forward, methods=_METHODS)])


def main(folder: Path) -> None:
    """Serve until this process is killed."""
    bring_loopback_up()
    resolver_file = folder / "resolv.conf"
    resolver_file.write_text("nameserver 127.0.0.1\n")
    real = Path("/etc/resolv.conf").resolve()
    subprocess.run(["mount", "--bind", str(resolver_file), str(real)], check=True)
    Resolver(folder / "no-names")
    serve_connect(folder / "connect.log")
    authority = Authority(folder, NAMES)
    services = proxy(Ports.chosen(folder / "ports.json"), Faults(folder))
    config = uvicorn.Config(
        services,
        ssl_certfile=str(authority.server_file),
        log_level="error",
        access_log=False,
    )
    listening = socket.create_server(("127.0.0.1", 443))
    # A path leads into a network of its own, where no address does.
    at_the_door = socket.socket(socket.AF_UNIX)
    at_the_door.bind(str(door(folder)))
    at_the_door.listen()
    from_outside = uvicorn.Config(services, log_level="error", access_log=False)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    asyncio.run(_serve((config, listening), (from_outside, at_the_door)))


async def _serve(*served: tuple[uvicorn.Config, socket.socket]) -> None:
    servers = (uvicorn.Server(config).serve(sockets=[bound]) for config, bound in served)
    await asyncio.gather(*servers)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
