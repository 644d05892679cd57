"""Producers: sends, batches, delays, and what production would refuse."""

from __future__ import annotations

import base64

import httpx
import pytest

from tests.localcloud.queue_calls import advance, backlog, consume, delivered, queue
from tests.localcloud.running_cloud import (
    RunningCloud,
    deploy,
    until,
)


def test_a_send_is_answered_with_the_backlog(cloud: RunningCloud) -> None:
    jobs = queue(cloud, "jobs")
    cloud.send(jobs, b"12")
    metrics = cloud.send(jobs, b"345").json()["metadata"]["metrics"]
    assert (metrics["backlogCount"], metrics["backlogBytes"]) == (2, 5)
    now = cloud.local("GET", "/clock")["now_ms"]
    assert 0 <= now - metrics["oldestMessageTimestamp"] < 60_000


def test_a_batch_of_messages_keeps_formats_and_delays(cloud: RunningCloud) -> None:
    jobs = queue(cloud, "jobs")
    deploy(cloud)
    consume(cloud, jobs)
    late = {"body": base64.b64encode(b"late").decode(), "contentType": "text", "delaySecs": 50}
    soon = {"body": base64.b64encode(b"\x00").decode(), "contentType": "bytes"}
    token = cloud.launcher.orders[-1].broker_token
    response = httpx.post(
        f"{cloud.root_url}/batch",
        json={"messages": [late, soon]},
        headers={"Authorization": f"Bearer {token}", "X-Queue-Id": jobs},
        trust_env=False,
    )
    assert response.json()["metadata"]["metrics"]["backlogCount"] == 2
    until(lambda: delivered(cloud) == [[b"\x00"]])
    advance(cloud, 49)
    until(lambda: backlog(cloud, jobs)["in_flight"] == 0)
    assert delivered(cloud) == [[b"\x00"]]
    advance(cloud, 2)
    until(lambda: delivered(cloud) == [[b"\x00"], [b"late"]])


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"X_Msg_Fmt": "xml"}, b"1", 400),
        ({"X_Msg_Delay_Secs": "86401"}, b"1", 400),
        ({"X_Msg_Delay_Secs": "-1"}, b"1", 400),
        ({}, b"x" * 128_001, 413),
        ({"Authorization": "Bearer wrong"}, b"1", 401),
        ({"X_Queue_Id": "nope"}, b"1", 404),
    ],
)
def test_a_send_that_production_would_refuse_is_refused(
    cloud: RunningCloud, headers: dict[str, str], body: bytes, status: int
) -> None:
    jobs = queue(cloud, "jobs")
    assert cloud.send(jobs, body, **headers).status_code == status
    assert backlog(cloud, jobs)["backlog_count"] == 0
