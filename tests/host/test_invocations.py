"""Counting of requests: by version and minute, in memory, for a day."""

from __future__ import annotations

from typing import Any

import pytest

from tests.eventually import eventually
from tests.host.node_module import run_in_node
from tests.host.running_host import RunningHost

DAY_MS = 86_400_000
COUNT = """
const counts = new m.InvocationCounts();
for (const one of input) for (let i = 0; i < (one.times ?? 1); i += 1) counts.add(one);
return counts.list();
"""


def counted(*invocations: dict[str, Any]) -> list[dict[str, Any]]:
    base = {"version": "v", "script": "w", "ms": 5, "failed": False, "at": 0}
    found: list[dict[str, Any]] = run_in_node(
        "invocation-counts.mjs", COUNT, [{**base, **one} for one in invocations]
    )
    return found


def test_requests_are_counted_by_version_and_minute() -> None:
    found = counted(
        {"at": 60_000},
        {"at": 119_999, "ms": 7, "failed": True},
        {"at": 120_000},
        {"at": 120_001, "version": "other"},
    )
    assert [(c["version"], c["start"], c["requests"], c["errors"]) for c in found] == [
        ("v", 60_000, 2, 1),
        ("v", 120_000, 1, 0),
        ("other", 120_000, 1, 0),
    ]
    assert found[0]["durations"] == [5, 7]


def test_what_is_kept_is_bounded() -> None:
    (minute,) = counted({"times": 1000})
    assert (minute["requests"], len(minute["durations"])) == (1000, 256)
    found = counted({"at": 0}, {"at": DAY_MS - 60_000}, {"at": DAY_MS})
    assert [minute["start"] for minute in found] == [DAY_MS - 60_000, DAY_MS]


@pytest.mark.workerd
def test_a_request_through_the_edge_is_counted(host: RunningHost) -> None:
    def requests() -> int:
        found = host.raw("GET", "/invocations").json()["invocations"]
        return sum(minute["requests"] for minute in found)

    before = requests()
    assert host.edge("GET", "/hello").status_code == 200
    assert host.edge("GET", "/hello").status_code == 200
    # A request counts when its connection is done with it, a moment after the answer.
    eventually(lambda: requests() == before + 2, what="both requests in the counts")
