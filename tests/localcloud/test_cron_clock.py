"""Firing cron triggers on the virtual clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.localcloud.running_cloud import FakeLauncher, RunningCloud, deploy, until

EVERY_HOUR = "0 * * * *"


def schedule(cloud: RunningCloud, *crons: str) -> None:
    """Give the Worker `w` these triggers."""
    body = [{"cron": cron} for cron in crons]
    cloud.result("PUT", "/workers/scripts/w/schedules", json=body)


def advance(cloud: RunningCloud, minutes: float) -> None:
    """Move the virtual clock."""
    cloud.local("POST", "/clock", json={"advance_ms": int(minutes * 60_000)})


def firings(cloud: RunningCloud) -> list[dict[str, Any]]:
    """Rows of finished firings, newest first."""
    found = cloud.local("GET", "/cron")["firings"]
    return [firing for firing in found if firing["outcome"]]


def test_a_due_minute_fires_once_with_its_time(cloud: RunningCloud) -> None:
    _, version = deploy(cloud)
    schedule(cloud, EVERY_HOUR)
    advance(cloud, 60)
    until(lambda: len(firings(cloud)) == 1)
    (firing,) = firings(cloud)
    to, call = cloud.host.firings[0]
    assert (to, call["cron"], call["scheduledTimeMs"]) == (
        version,
        EVERY_HOUR,
        firing["scheduled_ms"],
    )
    assert firing["scheduled_ms"] % 3_600_000 == 0
    advance(cloud, 0)
    assert len(cloud.host.firings) == 1


def test_after_a_long_pause_only_the_latest_missed_minute_fires(cloud: RunningCloud) -> None:
    deploy(cloud)
    schedule(cloud, EVERY_HOUR)
    advance(cloud, 600)
    until(lambda: len(firings(cloud)) == 1)
    now = cloud.local("GET", "/clock")["now_ms"]
    assert 0 <= now - firings(cloud)[0]["scheduled_ms"] <= 3_600_000


def test_a_restart_neither_repeats_nor_storms(tmp_path: Path) -> None:
    with RunningCloud(tmp_path / "home") as cloud:
        deploy(cloud)
        schedule(cloud, "0 0 1 * *")
        advance(cloud, 32 * 24 * 60)
        until(lambda: len(firings(cloud)) == 1)
    with RunningCloud(tmp_path / "home", FakeLauncher()) as cloud:
        advance(cloud, 1)
        assert len(firings(cloud)) == 1
        assert cloud.host.firings == []
        advance(cloud, 100 * 24 * 60)
        until(lambda: len(firings(cloud)) == 2)


def test_a_removed_trigger_is_silent(cloud: RunningCloud) -> None:
    deploy(cloud)
    schedule(cloud, EVERY_HOUR)
    schedule(cloud)
    advance(cloud, 60)
    assert cloud.local("GET", "/cron")["firings"] == []


def test_a_worker_without_a_deployment_is_not_fired(cloud: RunningCloud) -> None:
    cloud.result("POST", "/workers/workers", json={"name": "w"})
    schedule(cloud, EVERY_HOUR)
    advance(cloud, 60)
    assert cloud.local("GET", "/cron")["firings"] == []


def test_a_handler_that_fails_leaves_its_outcome_in_the_row(cloud: RunningCloud) -> None:
    deploy(cloud)
    cloud.host.scheduled = lambda _, __: (200, {"outcome": "exception", "error": "ValueError: x"})
    body = {"script": "w", "cron": EVERY_HOUR}
    fired = cloud.local("POST", "/cron/run", json=body)
    assert (fired["outcome"], fired["error"]) == ("exception", "ValueError: x")
    assert firings(cloud)[0]["error"] == "ValueError: x"


def test_running_a_trigger_of_an_unknown_worker_is_a_404(cloud: RunningCloud) -> None:
    url = f"{cloud.root_url}/local/cron/run"
    response = cloud.http.post(url, json={"script": "nobody", "cron": EVERY_HOUR})
    assert response.status_code == 404


def test_the_clock_only_goes_forward_and_not_too_far(cloud: RunningCloud) -> None:
    url = f"{cloud.root_url}/local/clock"
    for step in (-1, 10**15, "1e3", None):
        assert cloud.http.post(url, json={"advance_ms": step}).status_code == 400
    before = cloud.local("GET", "/clock")["now_ms"]
    after = cloud.local("POST", "/clock", json={"advance_ms": 3_600_000})["now_ms"]
    assert 3_600_000 <= after - before < 3_700_000
