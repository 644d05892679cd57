"""How two versions do side by side."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ops.deploy.rollout.version_metrics import MetricsSince, VersionMetrics, quantile
from ops.stacks.account import StackAccount


class Account:
    """An account whose service has done something since it was asked first."""

    def __init__(self) -> None:
        self.newest = 700
        self.failed = {"failed_requests.v1v1v1v1": 5, "failed_requests.v2v2v2v2": 1}
        self.rows: list[dict[str, Any]] = []
        self.asked_after: list[str] = []

    def query(self, what: str, database_id: str, sql: str, *parameters: str) -> Any:
        assert database_id == "d1"
        if "MAX(id)" in sql:
            return [{"newest": self.newest}]
        if "system_configs" in sql:
            return [{"config_key": k, "config_value": str(v)} for k, v in self.failed.items()]
        self.asked_after += parameters
        return self.rows


def test_only_what_came_since_counts_and_only_for_its_version() -> None:
    account = Account()
    since = MetricsSince(cast(StackAccount, account), "d1")
    account.failed = {"failed_requests.v1v1v1v1": 8, "failed_requests.v3v3v3v3": 2}
    account.rows = [
        {"version": "v1v1v1v1", "code": None, "ms": 10.0},
        {"version": "v1v1v1v1", "code": "HTTP_ERROR", "ms": 40.0},
        {"version": "v2v2v2v2", "code": "HTTP_ERROR", "ms": 900.0},
    ]
    # Two rows, one of them failed, and three requests that never became a row.
    assert since.of("v1v1v1v1-aaaa") == VersionMetrics(requests=5, failures=4, p99_ms=40.0)
    # It never failed before that.
    assert since.of("v3v3v3v3-cccc") == VersionMetrics(requests=2, failures=2, p99_ms=0.0)
    assert account.asked_after == ["700", "700"]


@pytest.mark.parametrize(
    ("metrics", "base", "verdict"),
    [
        pytest.param((0, 0, 0.0), (0, 0, 0.0), None, id="nobody came"),
        pytest.param((1000, 10, 0.0), (1000, 0, 0.0), None, id="one in a hundred is allowed"),
        pytest.param(
            (1000, 11, 0.0),
            (1000, 0, 0.0),
            "11 of its 1,000 requests failed (1.1%; the version beside it 0.0%)",
            id="more isn't",
        ),
        pytest.param((100, 20, 0.0), (100, 10, 0.0), None, id="twice what the other has"),
        pytest.param(
            (100, 21, 0.0),
            (100, 10, 0.0),
            "21 of its 100 requests failed (21.0%; the version beside it 10.0%)",
            id="more than twice",
        ),
        pytest.param((9, 0, 1000.0), (9, 0, 1.0), None, id="a second is allowed"),
        pytest.param(
            (9, 0, 1001.0),
            (9, 0, 1.0),
            "its p99 is 1001 ms; the version beside it 1 ms",
            id="longer isn't",
        ),
        pytest.param((9, 0, 4000.0), (9, 0, 2000.0), None, id="twice as long as the other"),
    ],
)
def test_a_version_is_stopped_for_what_the_one_beside_it_does_not_do(
    metrics: tuple[int, int, float], base: tuple[int, int, float], verdict: str | None
) -> None:
    assert VersionMetrics(*metrics).worse_than(VersionMetrics(*base)) == verdict


def test_metrics_in_json_are_rounded() -> None:
    assert VersionMetrics(3, 1, 12.345).document() == {
        "requests": 3,
        "failures": 1,
        "error_rate": 0.3333,
        "p99_ms": 12.3,
    }


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.99, 0.0),
        ([7.0], 0.99, 7.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([1.0, 2.0], 0.0, 1.0),
    ],
)
def test_a_quantile_is_one_of_the_values(
    values: list[float], share: float, expected: float
) -> None:
    assert quantile(values, share) == expected
