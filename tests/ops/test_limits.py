"""Limits that somebody else sets, or that the documents promise: each with who says so."""

from __future__ import annotations

from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        pytest.param("database.bucket", "MAX_BYTES", 314_572_800, id="R2's API: 300 MB"),
        pytest.param("database.age_file", "WORK_FACTOR", 17, id="OWASP: N = 2^17"),
        pytest.param("database.table_sum", "_PAGE_BYTES", 5_000_000, id="D1: answers of 50 MB"),
        pytest.param("deploy.release.pin_file", "_MAX_REASON", 500, id="the setting pin"),
        pytest.param("deploy.rollout.approval", "NEEDED", 2, id="docs: two people"),
        pytest.param("deploy.verification", "ATTEMPTS", 3, id="help: three health checks"),
        pytest.param("deploy.verification", "PAUSE", 10.0, id="help: 10 s apart"),
        pytest.param("deploy.rollout.version_metrics", "_FACTOR", 2.0, id="docs: twice as bad"),
        pytest.param("observe.metrics.caller_metrics", "ERROR_RATE", 0.01, id="the Worker: 1 %"),
        pytest.param("observe.metrics.growth", "DAYS_PER_MONTH", 30, id="reports: 30 days"),
        pytest.param("observe.notifications", "_AT_ONCE", 1_000, id="docs/api.md: 1,000"),
        pytest.param("observe.notifications", "_PAGE", 200, id="docs/api.md: pages of 200"),
        pytest.param("observe.doctor.signature", "KEY_LENGTH", 64, id="docs: 64 digits"),
        pytest.param("observe.diagnosis.reachability", "_CERTIFICATE_DAYS", 14, id="two weeks"),
        pytest.param("stacks.kept_state", "KEPT", 10, id="docs: the newest ten states"),
        pytest.param("stacks.json_file", "MAX_BYTES", 1_048_576, id="the service: 1 MiB"),
        pytest.param("stacks.local_cloud", "LOW_DISK_BYTES", 67_108_864, id="64 MiB"),
        pytest.param("stacks.table", "NARROW", 80, id="a terminal of 80 columns"),
    ],
)
def test_a_limit_is_what_its_source_says(module: str, name: str, value: float) -> None:
    assert getattr(import_module(f"ops.{module}"), name) == value
