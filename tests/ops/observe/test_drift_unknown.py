"""What the drift probe can't ask about is told as unknown, and never as a difference."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from typer.testing import CliRunner

from ops.cli.main import command_line
from ops.observe.drift.drift import Drift, DriftReport
from ops.observe.drift.finding import Finding, Repair, Unknown, Unmanaged
from ops.observe.drift.secrets_probe import SecretsProbe

DECLARED = {"API_SECRET_KEY": "a" * 16, "ENCRYPT_KEY": "b" * 16}
REPORTED = {"success": True, "data": {"secretFingerprints": DECLARED}}


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A service that gives one answer to everything, as its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def look(url: str) -> tuple[list[str], list[str]]:
    outputs = {
        "service_url": url,
        "api_secret_key": "k",
        "release": {"secret_fingerprints": DECLARED},
    }
    findings, unknown = SecretsProbe(outputs).look()
    return [finding.found for finding in findings], [item.kind for item in unknown]


@pytest.mark.requirement("PD-07")
@pytest.mark.parametrize(
    ("status", "document", "found"),
    [
        (200, REPORTED, []),
        (
            200,
            {"data": {"secretFingerprints": {**DECLARED, "ENCRYPT_KEY": "c" * 16}}},
            ["another value"],
        ),
        (200, {"data": {"secretFingerprints": {"API_SECRET_KEY": "a" * 16}}}, ["none"]),
        (401, {"error": "no", "code": "INVALID_SIGNATURE"}, ["no report: INVALID_SIGNATURE"]),
    ],
)
def test_a_service_that_answers_tells_whether_its_secrets_are_the_releases(
    status: int, document: object, found: list[str]
) -> None:
    with answering(status, json.dumps(document)) as url:
        assert look(url) == (found, [])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, "There is nothing here yet"),
        (404, json.dumps({"error": "Not found", "code": "NOT_FOUND"})),
        (403, "<html>blocked</html>"),
        (503, json.dumps({"error": "unavailable", "code": "SERVICE_UNAVAILABLE"})),
        (200, json.dumps({"data": {}})),
        (200, json.dumps({"data": None})),
    ],
)
def test_an_answer_that_says_nothing_of_secrets_leaves_them_unknown(status: int, body: str) -> None:
    with answering(status, body) as url:
        assert look(url) == ([], ["secrets"])


def test_a_service_that_cant_be_reached_leaves_them_unknown() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert look(f"http://127.0.0.1:{taken.getsockname()[1]}") == ([], ["secrets"])


ROUTE = Finding("route", "route", "a", "b", Repair.UPDATE)
SECRETS = Unknown("secrets", "deployment", "The service didn't answer.")


@pytest.mark.parametrize(
    ("findings", "unknown", "code"),
    [((), (), 0), ((ROUTE,), (), 7), ((), (SECRETS,), 6), ((ROUTE,), (SECRETS,), 7)],
)
def test_only_a_difference_is_drift_and_what_is_unknown_is_told_beside_it(
    monkeypatch: pytest.MonkeyPatch,
    findings: tuple[Finding, ...],
    unknown: tuple[Unknown, ...],
    code: int,
) -> None:
    report = DriftReport("local", 21, findings, unknown)
    monkeypatch.setattr(Drift, "probe", lambda _: report)

    shown = CliRunner().invoke(command_line(), ["drift", "--stack", "local"])
    document = CliRunner().invoke(command_line(), ["drift", "--stack", "local", "--json"])

    for result in (shown, document):
        error = result.exception
        assert getattr(error, "exit_code", 0) == code, result.output
        assert ("Nothing differs" in str(error)) == (code == 6)
    told = json.loads(document.stdout)
    assert told["drifted"] == len(findings)
    assert told["unknown"] == [item.document() for item in unknown]
    said = "secrets of deployment: unknown. The service didn't answer."
    assert (said in " ".join(shown.output.split())) == bool(unknown)


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 7)])
def test_what_nobody_manages_is_told_and_ends_the_command_only_where_it_is_strict(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], code: int
) -> None:
    unmanaged = (Unmanaged("worker", "worker", "logpush on"),)
    monkeypatch.setattr(Drift, "probe", lambda _: DriftReport("local", 21, (), (), unmanaged))

    shown = CliRunner().invoke(command_line(), ["drift", "--stack", "local", *options])

    assert getattr(shown.exception, "exit_code", 0) == code, shown.output
    said = "worker of worker: logpush on, which the program doesn't manage"
    assert said in " ".join(shown.output.split())
