"""Calls of the control plane about queues, for the broker's tests."""

from __future__ import annotations

from typing import Any

from tests.localcloud.fake_host import body_of
from tests.localcloud.running_cloud import RunningCloud


def queue(cloud: RunningCloud, name: str, **settings: Any) -> str:
    """The id of a new queue."""
    body = {"queue_name": name, "settings": settings}
    found: str = cloud.result("POST", "/queues", json=body)["queue_id"]
    return found


def consume(cloud: RunningCloud, queue_id: str, *, letters: str | None = None, **set_: Any) -> None:
    """Let the Worker `w` consume a queue; batches don't wait unless the test says so."""
    settings = {"max_wait_time_ms": 0, **set_}
    body = {"type": "worker", "script_name": "w", "settings": settings}
    if letters:
        body["dead_letter_queue"] = letters
    cloud.result("POST", f"/queues/{queue_id}/consumers", json=body)


def backlog(cloud: RunningCloud, queue_id: str) -> dict[str, Any]:
    """What lies in a queue."""
    (found,) = (
        entry for entry in cloud.local("GET", "/queues")["queues"] if entry["queue_id"] == queue_id
    )
    return dict(found)


def delivered(cloud: RunningCloud) -> list[list[bytes]]:
    """The bodies of all batches so far."""
    return [[body_of(message) for message in batch["messages"]] for _, batch in cloud.host.batches]


def advance(cloud: RunningCloud, seconds: float) -> None:
    """Move the virtual clock."""
    cloud.local("POST", "/clock", json={"advance_ms": int(seconds * 1000)})
