"""The first branch of a diagnosis: from the name to the answer."""

from __future__ import annotations

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

from ops.observe.diagnosis.branch import Branch, Verdict
from ops.observe.diagnosis.reachability import reachability
from ops.stacks.service import ServiceClient
from tests.installation import free_ports

pytestmark = pytest.mark.requirement("S0-110", "S0-111")


class Answer(BaseHTTPRequestHandler):
    """Answers everything with 503."""

    def do_GET(self) -> None:
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  the base class's name
        """Keep quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def secured(folder: Path, *, ends: timedelta) -> Iterator[tuple[int, Path]]:
    """A server whose certificate, its own authority, ends then; its port and that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + ends)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, pem
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def look(url: str) -> Branch:
    with ServiceClient(url) as service:
        return reachability(url, service)


def test_a_name_that_nobody_knows_leads_to_dns() -> None:
    branch = look("https://notify.invalid")
    assert branch.verdict is Verdict.ILL
    (finding,) = branch.findings
    assert finding.what.startswith("DNS: notify.invalid can't be resolved")
    assert "dig notify.invalid" in finding.step
    assert finding.section == "Unreachable"


def test_a_closed_port_is_told_apart_from_a_name() -> None:
    branch = look(f"http://127.0.0.1:{free_ports(1)[0]}")
    assert branch.verdict is Verdict.ILL
    assert branch.found[0] == "DNS: 127.0.0.1 is 127.0.0.1"
    assert branch.findings[0].what.startswith("TCP: ")
    assert "notifyctl local start" in branch.findings[0].step[0]


def test_a_server_without_tls_leads_to_the_certificate(port: int) -> None:
    branch = look(f"https://127.0.0.1:{port}")
    assert branch.verdict is Verdict.ILL
    assert branch.findings[0].what.startswith("TLS: ")
    assert "certificate" in branch.findings[0].step[0]


def test_an_ill_answer_leads_to_the_other_branches(port: int) -> None:
    branch = look(f"http://127.0.0.1:{port}")
    assert branch.verdict is Verdict.ILL
    assert branch.findings[0].what.startswith("GET /health answered 503")


@pytest.mark.parametrize(
    ("days", "verdict"), [(60, "holds for 59 more days"), (5, "holds for 4 more days")]
)
def test_a_certificate_that_ends_soon_is_told_before_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, verdict: str
) -> None:
    with secured(tmp_path, ends=timedelta(days=days, minutes=-5)) as (port, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        branch = look(f"https://127.0.0.1:{port}")
    assert f"TLS: the certificate {verdict}" in branch.found
    told = [one for one in branch.findings if "renews certificates long before" in one.what]
    assert len(told) == (1 if days == 5 else 0)
    assert any("Edge Certificates" in step for one in told for step in one.step) == (days == 5)


def test_a_certificate_that_has_ended_is_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secured(tmp_path, ends=timedelta(days=-1)) as (port, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        branch = look(f"https://127.0.0.1:{port}")
    assert branch.verdict is Verdict.ILL
    assert branch.findings[0].what.startswith("TLS: 127.0.0.1: ")
    assert "certificate" in branch.findings[0].what.lower()
