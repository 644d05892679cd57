"""What drifted outside Pulumi is put right by the call that makes it what the state says."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.comparison import GONE
from ops.observe.drift.finding import Finding, Repair
from ops.observe.drift.managed import Managed
from ops.observe.drift.repair import repair
from ops.stacks.errors import OperationError


class Probe:
    """Keeps the calls; `there` are the consumers of the queue."""

    def __init__(self, *there: dict[str, Any]) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self._there = there

    def listed(self, path: str) -> list[dict[str, Any]]:
        assert path == "queues/q1/consumers"
        return list(self._there)

    def send(self, method: str, path: str, body: Any) -> None:
        self.sent.append((method, path, body))


def repaired(
    kind: str, outputs: dict[str, Any], *there: dict[str, Any], found: str = "other", **inputs: Any
) -> list[tuple[str, str, Any]]:
    probe = Probe(*there)
    finding = Finding(kind, "name", "wanted", found, Repair.CALL)
    resource = Managed("cloudflare:Any", "name", "id1", outputs, inputs)
    repair(cast(CloudflareProbe, probe), finding, resource)
    return probe.sent


CONSUMER = {
    "queueId": "q1",
    "consumerId": "c1",
    "scriptName": "notify",
    "settings": {"batchSize": 10, "maxRetries": 3, "maxWaitTimeMs": 500, "retryDelay": 60},
}
PUT = {
    "type": "worker",
    "script_name": "notify",
    "settings": {"batch_size": 10, "max_retries": 3, "max_wait_time_ms": 500, "retry_delay": 60},
}


@pytest.mark.parametrize("kind", ["deployment", "secrets"])
def test_another_version_is_deployed_away(kind: str) -> None:
    versions = [{"versionId": "v1", "percentage": 90}, {"versionId": "v2", "percentage": 10}]
    assert repaired(kind, {"scriptName": "notify", "versions": versions}) == [
        (
            "POST",
            "workers/scripts/notify/deployments",
            {
                "strategy": "percentage",
                "versions": [
                    {"version_id": "v1", "percentage": 90},
                    {"version_id": "v2", "percentage": 10},
                ],
            },
        )
    ]


@pytest.mark.parametrize("schedules", [[{"cron": "* * * * *"}], [], None])
def test_the_schedules_become_those_of_the_state(schedules: Any) -> None:
    [(method, path, crons)] = repaired("cron", {"scriptName": "notify", "schedules": schedules})
    assert (method, path) == ("PUT", "workers/scripts/notify/schedules")
    assert crons == (schedules or [])


def test_queue_settings_are_those_of_the_program_and_deliver() -> None:
    assert repaired("queue settings", {}, settings={"messageRetentionPeriod": 60}) == [
        (
            "PATCH",
            "queues/id1",
            {"settings": {"delivery_paused": False, "message_retention_period": 60}},
        )
    ]


@pytest.mark.parametrize("kind", ["consumer settings", "dead-letter queue"])
def test_a_consumers_settings_are_written_whole(kind: str) -> None:
    assert repaired(kind, CONSUMER) == [("PUT", "queues/q1/consumers/c1", PUT)]
    with_letters = repaired(kind, {**CONSUMER, "deadLetterQueue": "dead"})
    assert with_letters[0][2] == {**PUT, "dead_letter_queue": "dead"}


# The marker of what is gone is one of these; the others stand before and after it.
@pytest.mark.parametrize("found", ["a script", "other", "zzz", ""])
def test_another_consumer_is_removed_and_ours_is_written_again(found: str) -> None:
    ours, other = {"consumer_id": "c1"}, {"consumer_id": "c9"}
    assert repaired("consumer", CONSUMER, ours, other, found=found) == [
        ("DELETE", "queues/q1/consumers/c9", None),
        ("PUT", "queues/q1/consumers/c1", PUT),
    ]


def test_a_consumer_that_is_gone_is_left_to_an_update() -> None:
    assert repaired("consumer", CONSUMER, found=GONE) == []
    assert repaired("consumer", CONSUMER, {"consumer_id": "c1"}, found=GONE) == []
    assert repaired("consumer", CONSUMER, {"consumer_id": "c9"}) == [
        ("DELETE", "queues/q1/consumers/c9", None)
    ]


def test_what_an_update_repairs_has_no_call_and_no_silent_success() -> None:
    with pytest.raises(OperationError, match="No call is known that restores the database"):
        repaired("database", {})
