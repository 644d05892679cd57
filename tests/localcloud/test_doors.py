"""Every listener of a running cloud, found from outside, is closed to pages and other hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Endpoints, Ports
from localcloud.home import CloudHome

pytestmark = pytest.mark.workerd

SCRIPT = """
export default {
  fetch: async (request, env) => new Response(await env.KV.get("k")),
  queue: async (batch) => {}, scheduled: async () => {},
};
"""
HOSTILE: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
]
PATHS = ("/", "/local/state", "/api/messages", "/hook/x", "/scheduled", "/queue", "/health")


class Cloud:
    """A cloud with a Worker that uses what has listeners of its own."""

    def __init__(self, home: Path) -> None:
        self.home = CloudHome(home)
        self.daemon = LocalCloud(home, Ports(0, 0, 0))
        self.endpoints: Endpoints = self.daemon.start()
        self.http = httpx.Client(
            base_url=f"{self.endpoints.control_url}/accounts/{self.endpoints.account_id}",
            headers={"Authorization": f"Bearer {self.endpoints.api_token}"},
            timeout=120,
            trust_env=False,
        )
        namespace = self._made("POST", "/storage/kv/namespaces", json={"title": "k"})["id"]
        queue = self._made("POST", "/queues", json={"queue_name": "q"})["queue_id"]
        metadata = {
            "main_module": "index.js",
            "compatibility_date": "2026-10-01",
            "bindings": [
                {"type": "kv_namespace", "name": "KV", "namespace_id": namespace},
                {"type": "queue", "name": "QUEUE", "queue_name": "q"},
                {"type": "analytics_engine", "name": "POINTS", "dataset": "points"},
            ],
        }
        files: dict[str, Any] = {
            "metadata": (None, json.dumps(metadata)),
            "index.js": ("index.js", SCRIPT, "application/javascript+module"),
        }
        self._made("PUT", "/workers/scripts/doors", files=files)
        consumer = {"type": "worker", "script_name": "doors"}
        self._made("POST", f"/queues/{queue}/consumers", json=consumer)

    def _made(self, method: str, path: str, **options: Any) -> Any:
        answer = self.http.request(method, path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def listeners(self) -> dict[tuple[str, int], str]:
        """Address and port of each listening socket, with the program that listens."""
        record = json.loads(self.home.record.read_text())
        server = psutil.Process(record["server"]["pid"])
        return {
            (found.laddr.ip, found.laddr.port): process.name()
            for process in (server, *server.children(recursive=True))
            for found in process.net_connections("inet")
            if found.status == psutil.CONN_LISTEN
        }

    def port(self, url: str) -> int:
        """The port of one of the endpoints."""
        return httpx.URL(url).port or 0


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud for all tests of this file."""
    started = Cloud(tmp_path_factory.mktemp("doors") / "home")
    try:
        yield started
    finally:
        started.daemon.erase()


def test_every_listener_but_the_edge_refuses_pages_and_other_hosts(cloud: Cloud) -> None:
    listeners = cloud.listeners()
    assert {address for address, _ in listeners} == {"127.0.0.1"}
    ports = {port for _, port in listeners}
    assert {cloud.port(cloud.endpoints.control_url), cloud.port(cloud.endpoints.sink_url)} <= ports
    edge = cloud.port(cloud.endpoints.service_url)
    assert edge in ports
    served = [
        (listeners[("127.0.0.1", port)], port, method, path, headers, answer.status_code)
        for port in sorted(ports - {edge})
        for headers in HOSTILE
        for path in PATHS
        for method in ("GET", "POST")
        if (answer := _asked(port, method, path, headers)).status_code not in {400, 401, 403}
    ]
    assert served == []


def test_every_listener_but_edge_and_the_two_pages_demands_a_token(cloud: Cloud) -> None:
    urls = (cloud.endpoints.service_url, cloud.endpoints.sink_url, cloud.endpoints.control_url)
    open_ports = {cloud.port(url) for url in urls}
    closed = {port for _, port in cloud.listeners()} - open_ports
    assert closed
    served = [
        (port, path, answer.status_code)
        for port in closed
        for path in PATHS
        if (answer := _asked(port, "POST", path, {})).status_code not in {400, 401, 403}
    ]
    assert served == []


def test_no_page_opens_the_live_tail(cloud: Cloud) -> None:
    url = cloud._made("POST", "/workers/scripts/doors/tails")["url"]
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
        "Sec-WebSocket-Protocol": "trace-v1",
    }
    target = url.replace("ws://", "http://")
    for headers in HOSTILE[:4]:
        answer = httpx.get(target, headers={**handshake, **headers}, trust_env=False)
        assert answer.status_code in {400, 403}


def _asked(port: int, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    url = f"http://127.0.0.1:{port}{path}"
    return httpx.request(method, url, headers=headers, trust_env=False, timeout=30)
