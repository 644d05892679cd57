"""Limits and patience: each with who sets it, or what it is for."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import httpx
import pytest


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        pytest.param("access.keys.key_file", "LIMIT_S", 120, id="two minutes for the CLI"),
        pytest.param("adoption.earlier_data", "PAGE", 500, id="D1: a query of 30 s"),
        pytest.param("database.backup", "FRESH", timedelta(hours=1), id="docs: an hour old"),
        pytest.param("database.d1_transfer", "_POLLS", 600, id="ten minutes, each second"),
        pytest.param("database.d1_transfer", "_POLL_SECONDS", 1.0, id="once a second"),
        pytest.param("database.dump", "MAX_STATEMENT", 90_000, id="D1: 100,000 bytes"),
        pytest.param("database.dump", "_PIECE", 60_000, id="a statement of D1 with its words"),
        pytest.param("database.log_removal", "_MAX_CALLS", 500, id="calls of 20,000 rows"),
        pytest.param("deploy.baseline", "MAX_BYTES", 67_108_864, id="64 MiB of state"),
        pytest.param("deploy.key_rotation", "_MAX_RUNS", 2_000, id="runs of 500 rows"),
        pytest.param("deploy.notices.notifier", "TIMEOUT", 5.0, id="5 s for a target"),
        pytest.param("deploy.preflight.code_checks", "_PATIENCE_S", 900, id="15 min of tests"),
        pytest.param("deploy.preflight.window", "_HORIZON", timedelta(days=21), id="three weeks"),
        pytest.param("deploy.release.account_versions", "_MAX_VERSIONS", 20, id="20 versions"),
        pytest.param("deploy.release.release_history", "CLOCK_TOLERANCE", 300.0, id="5 minutes"),
        pytest.param("deploy.release.release_history", "_MIN_BEGINNING", 7, id="git: 7 digits"),
        pytest.param("deploy.release_checks", "MIN_FAILURES", 5, id="failures that say something"),
        pytest.param("deploy.rollback.release_source", "_LIMIT_S", 120, id="two minutes for git"),
        pytest.param("deploy.rollout.canary", "POLL_SECONDS", 2.0, id="metrics every 2 s"),
        pytest.param("deploy.rollout.version_metrics", "PREFIX", 8, id="the Worker's point"),
        pytest.param("deploy.rollout.version_metrics", "P99_MS", 1_000.0, id="a second of p99"),
        pytest.param("observe.diagnosis.reachability", "_SECONDS", 10.0, id="10 s to connect"),
        pytest.param("observe.doctor.logins", "_PATIENCE_S", 60, id="a minute for the CLI"),
        pytest.param("observe.doctor.signature", "WINDOW_S", 300, id="docs/api.md: 5 minutes"),
        pytest.param("observe.measuring.load", "_TIMEOUT_SECONDS", 30, id="30 s for a request"),
        pytest.param("observe.metrics.caller_metrics", "HOUR_S", 3_600, id="an hour"),
        pytest.param("observe.metrics.caller_metrics", "_MAX_GROUPS", 1_000, id="1,000 groups"),
        pytest.param("stacks.account", "_MAX_RETRIES", 5, id="about 15 s of attempts"),
        pytest.param("stacks.account", "_TIMEOUT_SECONDS", 120.0, id="two minutes for a call"),
        pytest.param("stacks.bounded_json", "MAX_DEPTH", 200, id="far more than ours"),
        pytest.param("stacks.cli", "_PAGE", 100, id="100 updates at once"),
        pytest.param("stacks.cli", "_MAX_PAGES", 1_000, id="100,000 updates"),
        pytest.param("stacks.cli_command", "_GRACE_SECONDS", 5.0, id="5 s for a plugin"),
        pytest.param("stacks.local_faults", "_SECONDS", 10, id="10 s for the local cloud"),
        pytest.param("stacks.pulumi_cli", "_LIMIT_S", 600, id="ten minutes for a download"),
        pytest.param("stacks.sink", "PATIENCE", 15.0, id="15 s for an arrival"),
        pytest.param("stacks.tools", "_PATIENCE_S", 60, id="a minute for a version"),
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
def test_a_limit_is_what_its_source_says(module: str, name: str, value: object) -> None:
    assert getattr(import_module(f"ops.{module}"), name) == value


@pytest.mark.parametrize(
    ("module", "name", "read", "connect"),
    [("stacks.service", "TIMEOUT", 30.0, 5.0), ("database.d1_transfer", "_TIMEOUT", 300.0, 10.0)],
)
def test_a_call_waits_longer_for_an_answer_than_for_a_connection(
    module: str, name: str, read: float, connect: float
) -> None:
    found = getattr(import_module(f"ops.{module}"), name)
    assert found == httpx.Timeout(read, connect=connect)
