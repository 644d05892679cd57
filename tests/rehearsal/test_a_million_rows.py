"""What operators do to data, at a million notifications: how long it takes, and how much memory.

What reads or removes rows in the service, page by page, is run here. The table at the end of
`make soak` has the figures.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installation import NOTIFYCTL, Installation

pytestmark = [pytest.mark.soak, pytest.mark.workerd]
ROWS = int(os.environ.get("NOTIFICATION_SOAK_ROWS", "1000000"))
AT_ONCE = 50_000
MAX_MEMORY = 200 * 1024 * 1024
DAYS = 60
"""Over which the rows are spread, the newest now."""
# Ids count milliseconds since 2024 (Julian day 2460310.5), times 4096.
_SEED = """
INSERT INTO notification_logs (id, message_id, user_id, channel_type, content, status, sent_at,
  error, last_error_code, attempts, request_id, created_at, updated_at)
WITH RECURSIVE
n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {first} + {count}),
t(i, ms) AS (SELECT i, CAST((julianday('now') - 2460310.5) * 86400000 AS INTEGER)
  - 60000 - i * {step} FROM n),
r(i, ms, at) AS (SELECT i, ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', 2460310.5 + ms / 86400000.0) FROM t)
SELECT ms * 4096 + i % 4096, 'seed-' || i, 'user-' || (i % 5000),
  CASE i % 3 WHEN 0 THEN 'slack' WHEN 1 THEN 'lark' ELSE 'webhook' END,
  'A text of about the length that a notification has, number ' || i || '.',
  CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'sent' END, CASE WHEN i % 50 = 0 THEN NULL ELSE at END,
  CASE WHEN i % 50 = 0 THEN 'HTTP 500' END, CASE WHEN i % 50 = 0 THEN 'HTTP_ERROR' END,
  '[{{"at":"' || at || '","status_code":200}}]', 'seed-request-' || i, at, at FROM r
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that holds the rows."""
    with Installation.deployed(tmp_path_factory.mktemp("large")) as built:
        step = DAYS * 86_400_000 // ROWS
        for first in range(0, ROWS, AT_ONCE):
            count = min(AT_ONCE, ROWS - first)
            built.sql(_SEED.format(first=first, count=count, step=step))
        assert built.sql("SELECT count(*) AS n FROM notification_logs")[0]["n"] >= ROWS
        yield built


COMMANDS = {
    "status": ["status"],
    "diagnose": ["diagnose"],
    "logs of one code": ["logs", "--code", "HTTP_ERROR", "--since", "1h", "--json"],
    "logs of an old request": ["logs", "--request-id", f"seed-request-{ROWS - 5}", "--json"],
    "explain": ["explain", "user-17"],
    "report daily": ["report", "daily"],
    "report weekly": ["report", "weekly"],
    "report monthly": ["report", "monthly"],
    "db check": ["db", "check"],
    "db status": ["db", "status"],
    "cleanup": ["cleanup", "--days", "30"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_keeps_its_memory(
    large: Installation, record_property: Callable[[str, object], None], name: str
) -> None:
    code, seconds, memory, text = measured(large, COMMANDS[name])
    record_property("seconds", round(seconds, 1))
    record_property("MB", round(memory / 1e6))
    assert memory < MAX_MEMORY, text[-2000:]
    assert "Traceback" not in text
    # A diagnosis may find the failures of the seed; an error of the command itself is another code.
    assert code in {"diagnose": {0, 5}, "explain": {0, 1}}.get(name, {0}), text[-2000:]


def test_a_persons_export_is_whole_page_by_page(
    large: Installation, record_property: Callable[[str, object], None]
) -> None:
    began, found, after = time.monotonic(), 0, "0"
    with large.service() as service:
        while True:
            page = service.result("GET", "/api/users/user-18", query={"after": after})["data"]
            found += len(page["notifications"])
            if page.get("next_after") is None:
                break
            after = str(page["next_after"])
    record_property("seconds", round(time.monotonic() - began, 1))
    [counted] = large.sql("SELECT count(*) AS n FROM notification_logs WHERE user_id = 'user-18'")
    assert found == counted["n"] > 0


def measured(installation: Installation, words: list[str]) -> tuple[int, float, int, str]:
    """Run a command; return its exit code, seconds, peak memory in bytes, and what it said."""
    began = time.monotonic()
    output = Path(installation.home) / "said"
    with output.open("w+b") as said:
        process = subprocess.Popen(
            [str(NOTIFYCTL), *words],
            cwd=installation.project,
            env=installation.environment,
            stdout=said,
            stderr=said,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.monotonic() - began, peak(usage), output.read_text()


def peak(usage: resource.struct_rusage) -> int:
    """Return the peak of the resident memory in bytes; Linux counts in kilobytes."""
    return usage.ru_maxrss * 1024
