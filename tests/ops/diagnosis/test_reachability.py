"""The first branch of a diagnosis: from the name to the answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ops.diagnosis.branch import Branch, Verdict
from ops.diagnosis.reachability import reachability
from ops.service import ServiceClient
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


def look(url: str) -> Branch:
    with ServiceClient(url) as service:
        return reachability(url, service)


def test_a_name_that_nobody_knows_leads_to_dns() -> None:
    branch = look("https://notify.invalid")
    assert branch.verdict is Verdict.ILL
    assert branch.found[0].startswith("DNS: notify.invalid can't be resolved")
    assert any("dig notify.invalid" in line for line in branch.advice)


def test_a_closed_port_is_told_apart_from_a_name() -> None:
    branch = look(f"http://127.0.0.1:{free_ports(1)[0]}")
    assert branch.verdict is Verdict.ILL
    assert branch.found[0] == "DNS: 127.0.0.1 is 127.0.0.1"
    assert branch.found[1].startswith("TCP: ")
    assert any("notifyctl local start" in line for line in branch.advice)


def test_a_server_without_tls_leads_to_the_certificate(port: int) -> None:
    branch = look(f"https://127.0.0.1:{port}")
    assert branch.verdict is Verdict.ILL
    assert branch.found[-1].startswith("TLS: ")
    assert any("certificate" in line for line in branch.advice)


def test_an_ill_answer_leads_to_the_other_branches(port: int) -> None:
    branch = look(f"http://127.0.0.1:{port}")
    assert branch.verdict is Verdict.ILL
    assert branch.found[-1].startswith("GET /health answered 503")
