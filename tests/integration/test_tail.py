"""``notifyctl tail`` as a process, on a Worker that runs."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.installation import LIMIT, Installation

pytestmark = pytest.mark.workerd


@contextmanager
def tailing(installation: Installation, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A tail that watches already: it says so on standard error."""
    process = installation.start("tail", "--stack", "local", *arguments)
    try:
        assert process.stderr is not None
        notice = process.stderr.readline()
        assert notice.startswith("Watching"), notice + process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate(timeout=LIMIT)


def tails(installation: Installation) -> list[object]:
    """The tails that the account knows of."""
    outputs = installation.outputs()
    path = f"/client/v4/accounts/{outputs['account_id']}/workers/scripts/{outputs['worker_name']}"
    found: list[object] = installation.control("GET", f"{path}/tails").json()["result"]
    return found


def get(installation: Installation, path: str) -> int:
    return httpx.get(f"{installation.edge_url}{path}", trust_env=False, timeout=60).status_code


@pytest.mark.requirement("S0-45", "S0-60", "S0-116")
def test_a_request_is_seen_while_the_tail_runs_and_others_are_left_out(
    installation: Installation,
) -> None:
    conditions = ("--status", "4xx", "--path", "/tail-*", "--level", "warn", "--limit", "1")
    with tailing(installation, *conditions, "--json") as process:
        assert get(installation, "/health") == 200
        assert get(installation, "/tail-seen") == 404
        out, err = process.communicate(timeout=LIMIT)
    (line,) = [json.loads(text) for text in out.splitlines()]
    assert (line["path"], line["statusCode"], line["level"]) == ("/tail-seen", 404, "warn")
    assert line["versionId"] == installation.outputs()["version_id"]
    assert (process.returncode, err) == (0, "1 line\n")
    assert tails(installation) == []


@pytest.mark.requirement("S0-45")
@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_tail_here_and_at_cloudflare(
    installation: Installation, interrupt: signal.Signals
) -> None:
    with tailing(installation) as process:
        assert len(tails(installation)) == 1
        assert get(installation, "/tail-shown") == 404
        assert process.stdout is not None
        assert "GET /tail-shown 404" in process.stdout.readline()
        process.send_signal(interrupt)
        _, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (0, "1 line\n")
    assert tails(installation) == []
