"""Endpoints that lead back to the service, on the real runtime.

The names that the service knows are refused when they are saved. A name that it can't know, like a
proxy's, makes a circle, and the header that counts forwarders ends it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import httpx
import pytest

from notification.ports.outbound import MAX_HOPS
from tests.eventually import eventually
from tests.integration.conformance.deployed import SECRETS, SEND, Deployed, expect

TOKEN = SECRETS["bridgeToken"]


def own_names(service: Deployed) -> list[str]:
    """Return scheme and authority of every name by which the deployed service is reached."""
    outputs = service.installation.outputs()
    worker, version = outputs["worker_name"], outputs["version_id"][:8]
    port = urlsplit(service.installation.edge_url).port
    here = ("127.0.0.1", "localhost", "LOCALHOST.", "[::1]", "127.1", "0x7f000001", "2130706433")
    return [
        *(f"http://{name}:{port}" for name in here),
        f"http://{worker}.localhost:{port}",
        f"http://{version}-{worker}.localhost:{port}",
        f"https://{worker}.example.workers.dev",
        f"https://{worker}.example.workers.dev:443",
        f"https://{worker.upper()}.example.WORKERS.dev.:8443",
        f"https://{version}-{worker}.example.workers.dev",
        f"https://canary-{worker}.example.workers.dev:443",
    ]


@pytest.mark.requirement("S5-6")
def test_every_name_of_the_service_is_refused_as_an_endpoint(service: Deployed, user: str) -> None:
    for name in own_names(service):
        url = f"{name}/web_hook/bridge/{user}-b/webhook?token={TOKEN}"
        config = {"user_id": user, "channel_type": "webhook", "config_data": {"webhook_url": url}}
        refused = service.call("POST", "/api/user-configs", config)
        text = "webhook_url is blocked: the service must not call itself"
        expect(refused, 400, "VALIDATION_ERROR", text)


@pytest.mark.requirement("S5-6")
def test_a_name_that_became_the_services_later_is_not_called(service: Deployed, user: str) -> None:
    service.configure(user, "webhook", webhook_url=service.hook(user))
    url = f"{service.installation.edge_url}/web_hook/bridge/{user}/webhook?token={TOKEN}"
    service.statement(
        "UPDATE user_configs SET config_data = json_object('webhook_url', ?),"
        " revision = revision + 1 WHERE user_id = ?",
        url,
        user,
    )
    [result] = service.send(user)
    assert (result["status"], result["code"]) == ("failed", "SSRF_BLOCKED")
    assert len(rows_of(service, user)) == 1


def rows_of(service: Deployed, *users: str) -> list[dict[str, object]]:
    return service.statement(
        "SELECT user_id, status, error, last_error_code FROM notification_logs"
        " WHERE user_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        json.dumps(users),
    )


@contextmanager
def another_name(url: str) -> Iterator[str]:
    """A proxy before the service, at a name that the service doesn't know."""

    class Forwarder(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {n: v for n, v in self.headers.items() if n.lower() != "host"}
            with httpx.Client(trust_env=False, timeout=60) as client:
                answer = client.post(url + self.path, content=body, headers=headers)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Forwarder)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.requirement("S5-6")
def test_a_circle_of_two_users_by_a_name_that_nobody_knows_ends_by_itself(
    service: Deployed, user: str
) -> None:
    ann, bob = f"{user}-a", f"{user}-b"
    with another_name(service.installation.edge_url) as proxy:
        for of, to in ((ann, bob), (bob, ann)):
            url = f"{proxy}/web_hook/bridge/{to}/webhook?token={TOKEN}"
            # With retries, the last ones of the circle are made once more each time.
            service.configure(of, "webhook", webhook_url=url, retry_schedule=[])
        body = {"user_id": ann, "channels": ["webhook"], "custom_content": {"content": "round"}}
        assert service.call("POST", SEND, body).status_code == 200

        def ended() -> list[dict[str, object]] | None:
            rows = rows_of(service, ann, bob)
            return rows if all(row["status"] in ("sent", "failed") for row in rows) else None

        rows = eventually(ended, what="the end of the circle")
    # The first call has no forwarder behind it, and the last one that is taken has `MAX_HOPS`.
    assert len(rows) == MAX_HOPS + 1, rows
    assert [row["user_id"] for row in rows] == [(ann, bob)[n % 2] for n in range(len(rows))]
    assert {row["status"] for row in rows} == {"failed"}
    assert "LOOP_DETECTED" in str(rows[-1]["error"])
