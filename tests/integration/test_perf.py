"""``notifyctl perf`` as a process, on a Worker that runs."""

from __future__ import annotations

import json

import pytest

from tests.installation import Installation

pytestmark = [pytest.mark.workerd, pytest.mark.requirement("S0-63", "S0-100")]


@pytest.mark.parametrize("spelling", ["perf", "performance"])
def test_both_spellings_measure_reads_and_sends(installation: Installation, spelling: str) -> None:
    sink = f"{installation.sink_url}/hook/{spelling}"
    arguments = ("--requests", "4", "--concurrency", "2", "--send", sink)
    document = installation.ctl_json(spelling, "--stack", "local", *arguments)
    assert [result["name"] for result in document["results"]] == [
        "GET /health",
        "GET /api/notification-logs",
        "POST /api/notifications/send",
    ]
    for result in document["results"]:
        assert (result["requests"], result["failed"], result["statuses"]) == (4, 0, {"200": 4})
        assert 0 < result["median_ms"] <= result["p95_ms"] <= result["max_ms"]
    assert len(installation.arrivals(f"/hook/{spelling}")) == 4


def test_a_failed_request_is_counted_and_changes_the_exit_code(installation: Installation) -> None:
    failing = f"{installation.sink_url}/hook/failing?status=400"
    arguments = ("--requests", "2", "--send", failing)
    result = installation.ctl("perf", "--stack", "local", *arguments, "--json")
    assert result.returncode == 5
    assert json.loads(result.stdout)["results"][2]["failed"] == 2
    assert "2 requests failed" in result.stderr
    text = installation.ctl("perf", "--stack", "local", "--requests", "1")
    assert text.returncode == 0
    assert "GET /health" in text.stdout
