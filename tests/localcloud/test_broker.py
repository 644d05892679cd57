"""The broker: sends are durable, batches are delivered by the rules, slow ones block no others."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.localcloud.fake_host import body_of
from tests.localcloud.queue_calls import advance, backlog, consume, delivered, queue
from tests.localcloud.running_cloud import (
    FakeLauncher,
    RunningCloud,
    deploy,
    until,
    version_body,
)


def test_a_message_reaches_the_consumer_as_it_was_sent(cloud: RunningCloud) -> None:
    jobs = queue(cloud, "jobs")
    _, version = deploy(cloud)
    cloud.send(jobs, b'{"a": 1}', X_Msg_Fmt="json")
    consume(cloud, jobs)
    until(lambda: cloud.host.batches)
    to, batch = cloud.host.batches[0]
    (message,) = batch["messages"]
    assert (to, batch["queue"]) == (version, "jobs")
    assert (body_of(message), message["contentType"], message["attempts"]) == (
        b'{"a": 1}',
        "json",
        1,
    )
    until(lambda: backlog(cloud, jobs)["backlog_count"] == 0)


def test_a_batch_waits_until_it_is_full_or_its_time_is_up(cloud: RunningCloud) -> None:
    jobs = queue(cloud, "jobs")
    deploy(cloud)
    consume(cloud, jobs, batch_size=2, max_wait_time_ms=60_000)
    for body in (b"1", b"2", b"3"):
        cloud.send(jobs, body)
    until(lambda: delivered(cloud) == [[b"1", b"2"]])
    assert backlog(cloud, jobs)["backlog_count"] in {1, 3}
    advance(cloud, 61)
    until(lambda: delivered(cloud) == [[b"1", b"2"], [b"3"]])


def test_failed_messages_come_again_after_the_delay_and_end_in_the_dead_letter_queue(
    cloud: RunningCloud,
) -> None:
    jobs, letters = queue(cloud, "jobs"), queue(cloud, "letters")
    deploy(cloud)
    cloud.host.queue = lambda _, __: (200, {"outcome": "exception"})
    consume(cloud, jobs, letters="letters", max_retries=2, retry_delay=30)
    cloud.send(jobs, b"1")
    for attempt in (1, 2, 3):
        until(lambda: len(cloud.host.batches) == attempt)  # noqa: B023  called within the turn
        until(lambda: backlog(cloud, jobs)["in_flight"] == 0)
        advance(cloud, 31)
    until(lambda: backlog(cloud, letters)["backlog_count"] == 1)
    assert backlog(cloud, jobs)["backlog_count"] == 0
    attempts = [batch["messages"][0]["attempts"] for _, batch in cloud.host.batches]
    assert attempts == [1, 2, 3]


def test_without_a_dead_letter_queue_a_failed_message_ends(cloud: RunningCloud) -> None:
    jobs = queue(cloud, "jobs")
    deploy(cloud)
    cloud.host.queue = lambda _, __: (200, {"outcome": "exception"})
    consume(cloud, jobs, max_retries=0)
    cloud.send(jobs, b"1")
    until(lambda: cloud.host.batches and backlog(cloud, jobs)["backlog_count"] == 0)


@pytest.mark.parametrize("status", [404, 503])
def test_a_runtime_that_cannot_be_reached_is_no_attempt(cloud: RunningCloud, status: int) -> None:
    jobs = queue(cloud, "jobs")
    deploy(cloud)
    away = {"error": {"code": "version_restarting", "message": "wait"}}
    cloud.host.queue = lambda _, __: (status, away)
    consume(cloud, jobs, max_retries=0)
    cloud.send(jobs, b"1")
    until(lambda: len(cloud.host.batches) >= 2)
    cloud.host.queue = lambda _, __: (200, {"outcome": "ok"})
    until(lambda: backlog(cloud, jobs)["backlog_count"] == 0)
    assert {batch["messages"][0]["attempts"] for _, batch in cloud.host.batches} == {1}


def test_a_runtime_that_dies_at_work_counts_as_an_attempt(cloud: RunningCloud) -> None:
    jobs, letters = queue(cloud, "jobs"), queue(cloud, "letters")
    deploy(cloud)

    def die(_: str, __: dict[str, Any]) -> tuple[int, Any]:
        raise ConnectionAbortedError

    cloud.host.queue = die
    consume(cloud, jobs, letters="letters", max_retries=0)
    cloud.send(jobs, b"poison")
    until(lambda: backlog(cloud, letters)["backlog_count"] == 1)


def test_a_worker_without_a_deployment_loses_nothing(cloud: RunningCloud) -> None:
    jobs = queue(cloud, "jobs")
    cloud.result("POST", "/workers/workers", json={"name": "w"})
    consume(cloud, jobs, max_retries=0)
    cloud.send(jobs, b"1")
    deploy(cloud)
    until(lambda: delivered(cloud) == [[b"1"]])


def test_a_slow_queue_blocks_no_other(cloud: RunningCloud) -> None:
    slow, fast = queue(cloud, "slow"), queue(cloud, "fast")
    deploy(cloud)
    release = threading.Event()

    def handle(_: str, batch: dict[str, Any]) -> tuple[int, Any]:
        if batch["queue"] == "slow":
            release.wait(20)
        return 200, {"outcome": "ok"}

    cloud.host.queue = handle
    consume(cloud, slow, batch_size=1, max_concurrency=2)
    consume(cloud, fast)
    for _ in range(5):
        cloud.send(slow, b"s")
    until(lambda: backlog(cloud, slow)["in_flight"] == 2)
    cloud.send(fast, b"f")
    until(lambda: backlog(cloud, fast)["backlog_count"] == 0)
    until(lambda: [batch["queue"] for _, batch in cloud.host.batches].count("slow") >= 2)
    assert [batch["queue"] for _, batch in cloud.host.batches].count("slow") == 2
    release.set()
    until(lambda: backlog(cloud, slow)["backlog_count"] == 0)


def test_a_paused_queue_keeps_its_messages_until_it_goes_on(cloud: RunningCloud) -> None:
    jobs = queue(cloud, "jobs", delivery_paused=True)
    deploy(cloud)
    consume(cloud, jobs)
    cloud.send(jobs, b"1")
    advance(cloud, 60)
    assert backlog(cloud, jobs)["backlog_count"] == 1
    cloud.result("PATCH", f"/queues/{jobs}", json={"settings": {"delivery_paused": False}})
    until(lambda: delivered(cloud) == [[b"1"]])


def test_messages_end_with_the_retention_of_their_queue(cloud: RunningCloud) -> None:
    jobs = queue(cloud, "jobs", message_retention_period=60)
    cloud.send(jobs, b"1")
    advance(cloud, 59)
    assert backlog(cloud, jobs)["backlog_count"] == 1
    advance(cloud, 2)
    until(lambda: backlog(cloud, jobs)["backlog_count"] == 0)


def test_each_batch_draws_its_version_from_the_split(cloud: RunningCloud) -> None:
    jobs = queue(cloud, "jobs")
    worker, old = deploy(cloud)
    new = cloud.result("POST", f"/workers/workers/{worker}/versions", json=version_body())["id"]
    shares = [{"version_id": old, "percentage": 50}, {"version_id": new, "percentage": 50}]
    body = {"strategy": "percentage", "versions": shares}
    cloud.result("POST", "/workers/scripts/w/deployments", json=body)
    consume(cloud, jobs, batch_size=1)
    for _ in range(40):
        cloud.send(jobs, b"1")
    until(lambda: backlog(cloud, jobs)["backlog_count"] == 0)
    assert {version for version, _ in cloud.host.batches} == {old, new}


def test_messages_delays_and_attempts_survive_a_restart(tmp_path: Path) -> None:
    launcher = FakeLauncher()
    with RunningCloud(tmp_path / "home", launcher) as cloud:
        jobs = queue(cloud, "jobs")
        deploy(cloud)
        cloud.host.queue = lambda _, __: (200, {"outcome": "exception"})
        consume(cloud, jobs, max_retries=3, retry_delay=100)
        cloud.send(jobs, b"again")
        cloud.send(jobs, b"later", X_Msg_Delay_Secs="100")
        until(lambda: cloud.host.batches and backlog(cloud, jobs)["in_flight"] == 0)
    with RunningCloud(tmp_path / "home", FakeLauncher()) as cloud:
        assert backlog(cloud, jobs)["backlog_count"] == 2
        assert cloud.host.batches == []
        advance(cloud, 101)
        until(lambda: backlog(cloud, jobs)["backlog_count"] == 0)
        arrived = {
            body_of(message): message["attempts"]
            for _, batch in cloud.host.batches
            for message in batch["messages"]
        }
        assert arrived == {b"again": 2, b"later": 1}
