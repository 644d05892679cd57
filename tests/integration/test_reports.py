"""``notifyctl report`` and ``notifyctl diagnose`` as processes, on a Worker that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation

pytestmark = pytest.mark.workerd
# Far slower than anything else that the tests of this installation ask.
_SLOW = """
WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 2000000)
SELECT count(*) AS slow_by_design FROM counted
"""
_ROW = """
INSERT INTO notification_logs
  (id, message_id, user_id, channel_type, content, status, last_error_code, sent_at, created_at)
SELECT CAST((julianday(at) - julianday('2024-01-01')) * 86400000 AS INTEGER) * 4096 + {n},
  'report-{n}', 'report', 'webhook', 'x', '{status}', {code}, at, at
FROM (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{days} days') AS at)
"""


@pytest.fixture(scope="module")
def history(installation: Installation) -> Iterator[Installation]:
    """An installation with failures of today, something slow, and something old."""
    rows = ((1, 0, "failed", "'HTTP_500'"), (2, 5, "sent", "NULL"), (3, 40, "sent", "NULL"))
    for n, days, status, code in rows:
        installation.sql(_ROW.format(n=n, days=days, status=status, code=code))
    installation.sql(_SLOW)
    yield installation
    installation.sql("DELETE FROM notification_logs WHERE user_id = 'report'")


def report(installation: Installation, period: str, *more: str) -> dict[str, Any]:
    """The sections of a report."""
    document = installation.ctl_json("report", period, "--stack", "local", *more)
    assert document["period"] == period
    sections: dict[str, Any] = document["sections"]
    return sections


@pytest.mark.requirement("S0-92")
def test_the_daily_report_tells_errors_queues_and_figures(history: Installation) -> None:
    sections = report(history, "daily")
    assert list(sections) == ["Errors", "Queues and figures"]
    assert {"code": "HTTP_500", "channel": "webhook", "n": 1} in sections["Errors"]["by_code"]
    units = {reading["unit"] for reading in sections["Queues and figures"]["readings"]}
    assert units == {"%", "ms", "messages", "MB"}


@pytest.mark.requirement("S0-93")
def test_the_weekly_report_names_what_is_slow_and_cleans_up_when_asked(
    history: Installation, tmp_path: Path
) -> None:
    sections = report(history, "weekly")
    assert "report-2" in {
        send["message_id"] for send in sections["Slow statements and sends"]["sends"]
    }
    statements = sections["Slow statements and sends"]["statements"]
    assert any("slow_by_design" in found["dimensions"]["query"] for found in statements)
    slowest = [found["avg"]["queryDurationMs"] for found in statements]
    assert slowest == sorted(slowest, reverse=True)
    assert sections["Old notifications"]["old"] == 1
    assert report(history, "weekly", "--clean")["Old notifications"]["removed"] == 1

    file = tmp_path / "report.md"
    written = history.ctl("report", "weekly", "--stack", "local", "--file", str(file))
    assert written.returncode == 0, written.stderr
    text = file.read_text()
    assert text.startswith("# Weekly report of local\n")
    assert "- 0 are older than 30 days" in text


@pytest.mark.requirement("S0-94")
def test_the_monthly_report_tells_capacity_and_security(history: Installation) -> None:
    sections = report(history, "monthly")
    assert sections["Capacity"]["database_bytes"] > 0
    assert "growth" in sections["Capacity"]
    assert sections["Security"]["drifted"] == 0


@pytest.mark.requirement("S0-110", "S0-111")
def test_a_diagnosis_walks_all_branches_and_names_the_reason(history: Installation) -> None:
    history.sql(
        "INSERT INTO user_configs (user_id, channel_type, config_data) "
        "VALUES ('report', 'webhook', '{}')"
    )
    result = history.ctl("diagnose", "--stack", "local", "--json")
    history.sql("DELETE FROM user_configs WHERE user_id = 'report'")
    assert result.returncode == 5
    assert "has problems in:" in result.stderr
    branches = {branch["name"]: branch for branch in json.loads(result.stdout)["branches"]}
    assert list(branches) == ["reachable", "errors", "speed", "data"]
    assert branches["reachable"]["verdict"] == "well"
    assert any("DNS: 127.0.0.1" in line for line in branches["reachable"]["found"])
    (failed,) = [one for one in branches["errors"]["findings"] if ": HTTP_500" in one["what"]]
    assert failed["last"].startswith("20")
    assert failed["example"] == "report-1"
    assert any("slow send" in line for line in branches["speed"]["found"])
    assert branches["data"]["verdict"] == "ill"
    assert any("in clear text" in line for line in branches["data"]["found"])
    assert any("db check" in line for line in branches["data"]["advice"])
