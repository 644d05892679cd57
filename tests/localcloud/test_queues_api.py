"""Queues and their consumers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.localcloud.running_cloud import RunningCloud, deploy


@pytest.fixture
def queue(cloud: RunningCloud) -> str:
    """The path of a new queue named `jobs`."""
    return f"/queues/{cloud.result('POST', '/queues', json={'queue_name': 'jobs'})['queue_id']}"


def consumer(**changes: Any) -> dict[str, Any]:
    """The smallest consumer, with changes."""
    return {"type": "worker", "script_name": "w", **changes}


def test_a_name_is_unique_and_checked(cloud: RunningCloud, queue: str) -> None:
    assert cloud.error("POST", "/queues", json={"queue_name": "jobs"}) == (409, 11009)
    for name in ("Jobs", "-x", "x" * 64, ""):
        assert cloud.error("POST", "/queues", json={"queue_name": name}) == (400, 11003)
    assert cloud.error("GET", "/queues/nope") == (404, 11000)


def test_settings_are_filled_in_and_changed_one_by_one(cloud: RunningCloud, queue: str) -> None:
    default = {"delivery_delay": 0, "message_retention_period": 345600, "delivery_paused": False}
    assert cloud.result("GET", queue)["settings"] == default
    changed = cloud.result("PATCH", queue, json={"settings": {"delivery_delay": 5}})
    assert changed["settings"] == {**default, "delivery_delay": 5}
    kept = cloud.result("PATCH", queue, json={"settings": {"message_retention_period": 60}})
    assert (kept["settings"]["delivery_delay"], kept["queue_name"]) == (5, "jobs")
    overwritten = cloud.result("PUT", queue, json={"queue_name": "jobs"})
    assert overwritten["settings"] == default
    assert cloud.error("PUT", queue, json={"settings": {"delivery_delay": -1}}) == (400, 11003)


def test_a_consumer_gets_cloudflares_defaults(cloud: RunningCloud, queue: str) -> None:
    deploy(cloud)
    found = cloud.result("POST", f"{queue}/consumers", json=consumer())
    assert found["settings"] == {
        "batch_size": 10,
        "max_retries": 3,
        "max_wait_time_ms": 5000,
        "retry_delay": 0,
    }
    assert cloud.result("GET", queue)["consumers"] == [found]
    assert cloud.result("GET", f"{queue}/consumers") == [found]
    worker = cloud.result("GET", "/workers/workers/w")
    assert [entry["queue_name"] for entry in worker["references"]["queues"]] == ["jobs"]


def test_a_queue_has_one_consumer(cloud: RunningCloud, queue: str) -> None:
    deploy(cloud)
    cloud.result("POST", f"{queue}/consumers", json=consumer())
    assert cloud.error("POST", f"{queue}/consumers", json=consumer()) == (400, 11004)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"script_name": "nobody"}, (404, 10007)),
        ({"type": "http_pull"}, (400, 10026)),
        ({"dead_letter_queue": "missing"}, (400, 11000)),
        ({"dead_letter_queue": "jobs"}, (400, 10026)),
        ({"settings": {"batch_size": 101}}, (400, 10026)),
        ({"settings": {"max_wait_time_ms": 60_001}}, (400, 10026)),
        ({"settings": {"max_retries": 101}}, (400, 10026)),
    ],
)
def test_a_consumer_that_cannot_work_is_refused(
    cloud: RunningCloud, queue: str, changes: dict[str, Any], expected: tuple[int, int]
) -> None:
    deploy(cloud)
    assert cloud.error("POST", f"{queue}/consumers", json=consumer(**changes)) == expected


def test_consumer_then_worker_then_queue_is_the_only_order_to_delete(
    cloud: RunningCloud, queue: str
) -> None:
    binding = {"type": "queue", "name": "Q", "queue_name": "jobs"}
    worker_id, _ = deploy(cloud, bindings=[binding])
    found = cloud.result("POST", f"{queue}/consumers", json=consumer())
    assert cloud.result("GET", queue)["producers"] == [{"type": "worker", "script": "w"}]
    assert cloud.error("DELETE", queue) == (400, 11005)
    assert cloud.error("DELETE", f"/workers/workers/{worker_id}") == (400, 10064)
    cloud.result("DELETE", f"{queue}/consumers/{found['consumer_id']}")
    assert cloud.error("DELETE", queue) == (400, 11005)
    cloud.result("DELETE", f"/workers/workers/{worker_id}")
    cloud.result("DELETE", queue)
    assert set(cloud.local("GET", "/state").values()) == {0}


def test_a_dead_letter_queue_stays_while_it_is_one(cloud: RunningCloud, queue: str) -> None:
    deploy(cloud)
    letters = cloud.result("POST", "/queues", json={"queue_name": "letters"})["queue_id"]
    found = cloud.result("POST", f"{queue}/consumers", json=consumer(dead_letter_queue="letters"))
    assert cloud.error("DELETE", f"/queues/{letters}") == (400, 11005)
    cloud.result("PUT", f"/queues/{letters}", json={"queue_name": "renamed"})
    path = f"{queue}/consumers/{found['consumer_id']}"
    assert cloud.result("GET", path)["dead_letter_queue"] == "renamed"
    cloud.result("DELETE", path)
    cloud.result("DELETE", f"/queues/{letters}")


def test_renaming_a_worker_takes_its_consumers_along(cloud: RunningCloud, queue: str) -> None:
    worker_id, _ = deploy(cloud)
    cloud.result("POST", f"{queue}/consumers", json=consumer())
    cloud.result("PUT", f"/workers/workers/{worker_id}", json={"name": "renamed"})
    assert cloud.result("GET", f"{queue}/consumers")[0]["script_name"] == "renamed"
