"""The load of ``notifyctl perf``: signed, counted, and on the right server only."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ops.cli.commands.perf import verdict
from ops.observe.measuring.load import Load, Measured
from ops.stacks.errors import OperationError, ToolMissing
from ops.stacks.service import sign

KEY = "a key of these tests"
SENT = {"results": [{"status": "sent"}]}


class Service:
    """Keeps what it is asked, and answers each request with the next of ``answers``."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers = list(answers) or [(200, {})]
        self.lock = threading.Lock()

    def answer(self, asked: tuple[str, str, dict[str, str], bytes]) -> tuple[int, object]:
        with self.lock:
            self.asked.append(asked)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    service: Service
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = (self.command, self.path, headers, self.rfile.read(length))
        status, document = self.service.answer(asked)
        if status == 0:
            self.close_connection = True
            self.connection.close()
            return
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  the base calls it so

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  the base's name
        """Keep quiet."""


@contextmanager
def served(service: Service, context: ssl.SSLContext | None = None) -> Iterator[str]:
    handler = type("Handler", (Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        scheme = "http" if context is None else "https"
        yield f"{scheme}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def measured(service: Service, *, requests: int = 6, concurrency: int = 2) -> Measured:
    body = {"text": "Measurement {number}"} if service.answers[0][1] else None
    method = "POST" if body else "GET"
    with served(service) as url:
        load = Load(url, KEY, requests=requests, concurrency=concurrency)
        return load.measure(method, "/api/x?limit=20", body=body)


def test_every_request_is_made_once_and_timed() -> None:
    service = Service()
    found = measured(service)
    assert len(service.asked) == 6
    document = found.document()
    assert document["name"] == "GET /api/x"
    assert (document["requests"], document["failed"], document["statuses"]) == (6, 0, {"200": 6})
    assert document["count"] == 6
    assert 0 < document["median_ms"] <= document["p95_ms"] <= document["max_ms"]
    assert document["per_second"] > 0
    assert found.why == ""


def test_fewer_requests_than_connections_are_made_as_they_are() -> None:
    service = Service()
    assert measured(service, requests=1, concurrency=8).document()["requests"] == 1
    assert len(service.asked) == 1


def test_every_request_is_signed_and_has_a_number_of_its_own() -> None:
    service = Service((200, SENT))
    assert measured(service).failed == 0
    texts = set()
    for method, path, headers, body in service.asked:
        expected = sign(KEY, headers["x-timestamp"], method, path, body)
        assert (headers["x-signature-version"], headers["x-signature"]) == ("2", expected)
        texts.add(json.loads(body)["text"])
    assert texts == {f"Measurement {number}" for number in range(1, 7)}


def test_refusals_broken_connections_and_what_wasnt_sent_are_counted_as_failed() -> None:
    refused = measured(Service((200, {}), (503, {}), (404, {}), (200, {})))
    assert (refused.statuses, refused.failed) == ({200: 4, 503: 1, 404: 1}, 2)
    unsent = measured(Service((200, SENT), (200, {"results": [{"status": "failed"}]}), (200, SENT)))
    assert (unsent.statuses, unsent.failed) == ({200: 6}, 1)


def test_a_service_that_isnt_there_fails_every_request_and_ends() -> None:
    found = Load("http://127.0.0.1:9", None, requests=4, concurrency=2).measure("GET", "/")
    assert found.durations == []
    assert found.statuses == {0: 4}
    assert "ECONNREFUSED" in found.why
    assert (found.failed, found.document()["per_second"]) == (4, None)


@contextmanager
def certified(service: Service, folder: Path) -> Iterator[tuple[str, Path]]:
    """Serve with a certificate that signs itself; yield the URL and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(private + certificate)
    (folder / "certificate.pem").write_bytes(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    with served(service, context) as url:
        yield url, folder / "certificate.pem"


def test_a_server_without_a_trusted_certificate_gets_no_signed_request(tmp_path: Path) -> None:
    service = Service()
    with certified(service, tmp_path) as (url, _):
        found = Load(url, KEY, requests=3, concurrency=1).measure("GET", "/")
    assert (service.asked, found.failed) == ([], 3)
    assert found.why == "self-signed certificate"
    assert [found.shown(one) for one in ("requests", "failed", "median_ms")] == ["3", "3", "-"]


def test_an_authority_that_the_environment_names_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    with certified(service, tmp_path) as (url, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
        found = Load(url, KEY, requests=3, concurrency=1).measure("GET", "/")
    assert (len(service.asked), found.failed) == (3, 0)


def test_the_rate_limit_is_told_apart_from_a_service_that_fails() -> None:
    limited = Measured("GET /health", {200: 100, 429: 20}, [1.0], 1.0)
    broken = Measured("GET /x", {500: 1}, [1.0], 1.0)
    assert verdict([limited, broken], "local") == (
        "21 requests failed, 20 of them by the service's rate limit (429). Make fewer --requests, "
        "or wait a minute."
    )
    assert verdict([broken], "local") == (
        "1 request failed. 'notifyctl diagnose --stack local' looks for the reason."
    )


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    load = Load("http://127.0.0.1:9", None, requests=1, concurrency=1)
    with pytest.raises(OperationError, match="ended without figures"):
        load.measure("NO METHOD", "/")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolMissing, match="'node' isn't on PATH"):
        load.measure("GET", "/")
