"""A whole control plane in a thread, with the fake host, reached over HTTP like the real one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from localcloud.endpoints import Endpoints, Ports
from localcloud.home import CloudHome
from localcloud.host_process import HostOrder, HostProcess
from localcloud.server import CloudServer
from tests.localcloud.fake_host import ControlChannel, FakeHost


class FakeLauncher:
    """Starts the fake in this process; `host` is the one that runs, `launches` counts them."""

    def __init__(self, prepare: Callable[[FakeHost], None] = lambda _: None) -> None:
        self.prepare = prepare
        self.launches = 0
        self.orders: list[HostOrder] = []
        self.host: FakeHost
        self.process: FakeProcess

    async def launch(self, order: HostOrder) -> HostProcess:
        """Start another fake."""
        self.launches += 1
        self.orders.append(order)
        self.host = FakeHost(order.token)
        self.prepare(self.host)
        self.process = FakeProcess(ControlChannel(self.host), order.edge_port or 65000)
        return self.process


class FakeProcess:
    """The fake as a process that can be killed."""

    def __init__(self, channel: ControlChannel, edge_port: int) -> None:
        self._channel = channel
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.control_port = channel.port
        self.edge_port = edge_port
        self.pid = 0

    async def wait(self) -> None:
        """Return when it was killed."""
        await self._ended.wait()

    async def stop(self) -> None:
        """End it."""
        self._end()

    def kill(self) -> None:
        """End it from another thread, as SIGKILL would."""
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if not self._ended.is_set():
            self._channel.close()
            self._ended.set()


class RunningCloud:
    """The server in its own event loop. Use it as a context manager."""

    def __init__(self, root: Path, launcher: FakeLauncher | None = None) -> None:
        self.home = CloudHome(root)
        self.launcher = launcher or FakeLauncher()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def host(self) -> FakeHost:
        """The fake that runs at the moment."""
        return self.launcher.host

    def __enter__(self) -> RunningCloud:
        self._thread.start()
        self._server = self._wait(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self._wait(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> CloudServer:
        server = CloudServer(self.home, Ports(0, 0, 0), self.launcher)
        ports = await server.start()
        token = self.home.api_token()
        self.endpoints = Endpoints.on(ports, api_token=token)
        self.root_url = self.endpoints.control_url.removesuffix("/client/v4")
        self.http = httpx.Client(
            base_url=self.endpoints.control_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
            verify=False,  # noqa: S501  plain HTTP on the loopback: spares reading certificates
        )
        return server

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def account(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A call below the account."""
        return self.http.request(method, f"/accounts/{self.endpoints.account_id}{path}", **options)

    def result(self, method: str, path: str, **options: Any) -> Any:
        """The result of a call below the account that must succeed."""
        response = self.account(method, path, **options)
        assert response.status_code in {200, 201}, response.text
        return response.json()["result"]

    def error(self, method: str, path: str, **options: Any) -> tuple[int, int]:
        """HTTP status and Cloudflare's code of a call that must fail."""
        response = self.account(method, path, **options)
        document = response.json()
        assert document["success"] is False, response.text
        assert document["result"] is None
        return response.status_code, document["errors"][0]["code"]

    def local(self, method: str, path: str, **options: Any) -> Any:
        """A call of /local/…, with the token."""
        response = self.http.request(method, f"{self.root_url}/local{path}", **options)
        assert response.status_code == 200, response.text
        return response.json()

    def send(self, queue_id: str, body: bytes, **headers: str) -> httpx.Response:
        """Post to the broker as a queue binding does."""
        token = self.launcher.orders[-1].broker_token
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(
            f"{self.root_url}/message",
            content=body,
            headers={
                "Authorization": f"Bearer {token}",
                "X-Queue-Id": queue_id,
                "X-Msg-Fmt": "json",
                "Host": "fake-host",
                **names,
            },
            trust_env=False,
        )


MODULE = {
    "name": "entry.py",
    "content_type": "text/x-python",
    "content_base64": "cHJpbnQoMSk=",
}


def version_body(**changes: Any) -> dict[str, Any]:
    """The smallest upload, with changes."""
    body = {
        "modules": [MODULE],
        "main_module": "entry.py",
        "compatibility_date": "2026-10-01",
        "compatibility_flags": ["python_workers"],
        "bindings": [],
    }
    return {**body, **changes}


def deploy(cloud: RunningCloud, name: str = "w", **changes: Any) -> tuple[str, str]:
    """A Worker with one deployed version: (worker id, version id)."""
    found = cloud.account("GET", f"/workers/workers/{name}").json()["result"]
    switch = {"enabled": True, "previews_enabled": True}
    worker = found or cloud.result(
        "POST", "/workers/workers", json={"name": name, "subdomain": switch}
    )
    path = f"/workers/workers/{worker['id']}/versions"
    version = cloud.result("POST", path, json=version_body(**changes))
    shares = [{"version_id": version["id"], "percentage": 100}]
    cloud.result(
        "POST",
        f"/workers/scripts/{name}/deployments",
        json={"strategy": "percentage", "versions": shares},
    )
    return worker["id"], version["id"]


def until(condition: Callable[[], Any], *, seconds: float = 20.0) -> Any:
    """Wait until the condition holds and return its value; fails after a bound."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"it didn't happen within {seconds} s")
