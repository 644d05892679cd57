"""Deployments: shares, order, which versions run, rollbacks, and what a deployment shows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.localcloud.running_cloud import RunningCloud, deploy, until, version_body

SECRET = "canary-secret-value"
IDLE = "/workers/workers/idle/versions"  # of the shared control plane


@pytest.fixture
def worker(cloud: RunningCloud) -> str:
    """The path of a new Worker's versions."""
    identifier = cloud.result("POST", "/workers/workers", json={"name": "w"})["id"]
    return f"/workers/workers/{identifier}/versions"


def shares(*parts: tuple[str, float]) -> dict[str, Any]:
    """The body of a deployment."""
    versions = [{"version_id": version, "percentage": percent} for version, percent in parts]
    return {"strategy": "percentage", "versions": versions}


@pytest.mark.parametrize(
    "parts",
    [
        [("{v1}", 99)],
        [("{v1}", 60), ("{v2}", 60)],
        [("{v1}", 50), ("{v1}", 50)],
        [("{v1}", 50), ("{v2}", 25), ("{v3}", 25)],
        [],
        [("{v1}", -1), ("{v2}", 101)],
    ],
)
def test_shares_that_make_no_whole_are_refused(
    cloud: RunningCloud, worker: str, parts: list[tuple[str, float]]
) -> None:
    known = {
        f"{{v{number}}}": cloud.result("POST", worker, json=version_body())["id"]
        for number in (1, 2, 3)
    }
    body = shares(*((known[name], percent) for name, percent in parts))
    assert cloud.error("POST", "/workers/scripts/w/deployments", json=body) == (400, 10026)
    assert cloud.local("GET", "/state")["deployments"] == 0


def test_an_unknown_version_is_not_deployed(cloud: RunningCloud, worker: str) -> None:
    cloud.result("POST", "/workers/workers", json={"name": "other"})
    foreign = cloud.result("POST", "/workers/workers/other/versions", json=version_body())["id"]
    for version in ("00000000-0000-4000-8000-000000000000", foreign):
        body = shares((version, 100))
        assert cloud.error("POST", "/workers/scripts/w/deployments", json=body) == (400, 100146)


def test_the_newest_deployment_is_first_and_in_force(cloud: RunningCloud, worker: str) -> None:
    first, second = (cloud.result("POST", worker, json=version_body())["id"] for _ in "12")
    path = "/workers/scripts/w/deployments"
    one = cloud.result("POST", path, json=shares((first, 100)))
    body = {**shares((first, 90), (second, 10)), "annotations": {"workers/message": "canary"}}
    two = cloud.result("POST", path, json=body)
    listed = cloud.result("GET", path)["deployments"]
    assert [entry["id"] for entry in listed] == [two["id"], one["id"]]
    assert two["annotations"]["workers/message"] == "canary"
    assert cloud.result("GET", f"{path}/{one['id']}") == one
    route = cloud.host.routes[-1]["routes"][0]
    assert {part["id"]: part["percentage"] for part in route["versions"]} == {first: 90, second: 10}
    assert cloud.error("GET", f"{path}/nope") == (404, 10336)


def test_only_deployed_versions_and_the_newest_upload_keep_running(
    cloud: RunningCloud, worker: str
) -> None:
    path = "/workers/scripts/w/deployments"
    first, second, third = (cloud.result("POST", worker, json=version_body())["id"] for _ in "123")
    until(lambda: set(cloud.host.versions) == {third})
    # A rollback boots the old version before it swaps the route.
    cloud.result("POST", path, json=shares((first, 100)))
    until(lambda: set(cloud.host.versions) == {first, third})
    cloud.result("POST", path, json=shares((second, 100)))
    until(lambda: set(cloud.host.versions) == {second, third})
    assert cloud.host.disposed.count(first) == 2


def test_a_rollback_to_a_version_that_no_longer_starts_changes_nothing(
    cloud: RunningCloud, worker: str
) -> None:
    old = cloud.result("POST", worker, json=version_body())["id"]
    _, new = deploy(cloud)
    until(lambda: set(cloud.host.versions) == {new})
    failed = {"error": {"code": "boot_failed", "message": "ImportError: x (entry.py, line 1)"}}
    cloud.host.boot = lambda _, __: (422, failed)
    body = shares((old, 100))
    assert cloud.error("POST", "/workers/scripts/w/deployments", json=body) == (400, 10021)
    active = cloud.result("GET", "/workers/scripts/w/deployments")["deployments"][0]
    assert active["versions"][0]["version_id"] == new


def test_deleting_a_worker_takes_versions_routes_and_schedules_along(cloud: RunningCloud) -> None:
    worker_id, version = deploy(cloud)
    cloud.result("PUT", "/workers/scripts/w/schedules", json=[{"cron": "* * * * *"}])
    cloud.result("DELETE", f"/workers/workers/{worker_id}")
    assert cloud.host.routes[-1]["routes"] == []
    until(lambda: version in cloud.host.disposed)
    assert set(cloud.local("GET", "/state").values()) == {0}


def test_a_switched_off_subdomain_takes_the_host_names_away(cloud: RunningCloud) -> None:
    deploy(cloud)
    assert cloud.host.routes[-1]["routes"][0]["hosts"] == ["w.localhost"]
    assert cloud.host.routes[-1]["defaultScript"] == "w"
    cloud.result("POST", "/workers/scripts/w/subdomain", json={"enabled": False})
    assert cloud.host.routes[-1]["routes"][0]["hosts"] == []
    assert cloud.host.routes[-1]["defaultScript"] is None


def test_settings_show_the_deployed_version(cloud: RunningCloud) -> None:
    binding = {"type": "plain_text", "name": "A", "text": "1"}
    deploy(cloud, bindings=[binding])
    settings = cloud.result("GET", "/workers/scripts/w/settings")
    assert settings["bindings"] == [binding]
    assert settings["compatibility_date"] == "2026-10-01"
    changed = cloud.result("PATCH", "/workers/scripts/w/script-settings", json={"logpush": True})
    assert changed["logpush"] is True
    assert [entry["id"] for entry in cloud.result("GET", "/workers/scripts")] == ["w"]
