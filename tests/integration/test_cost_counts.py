"""The counts that `notifyctl cost` computes with are those of the running service."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from notification_sdk import NotificationClient, NotificationRequest, SendResponse
from ops.observe.cost.model import Counts
from tests.eventually import eventually
from tests.installation import Installation

pytestmark = pytest.mark.workerd
_INVOCATION_LOG = 1
"""Workers Logs adds one event to those that an invocation writes."""
Usage = dict[str, float]


@pytest.fixture
def client(moving: Installation) -> NotificationClient:
    outputs = moving.outputs()
    return NotificationClient(
        outputs["service_url"],
        outputs["api_secret_key"],
        now=moving.now,
        trust_env=False,
        automatic_idempotency_keys=False,
    )


@pytest.fixture
def user(moving: Installation, client: NotificationClient) -> str:
    """A recipient whose configuration the isolate knows."""
    name = f"user-{secrets.token_hex(4)}"
    client.configs.set(name, "webhook", {"webhook_url": f"{moving.sink_url}/hook/{name}"})
    client.quick.webhook(name, "x")
    return name


def lines(installation: Installation, **wanted: Any) -> list[dict[str, Any]]:
    """Return the Worker's log lines that have these fields."""
    logs = installation.control("GET", "/local/logs?limit=1000").json()["logs"]
    found = [json.loads(e["message"]) for e in logs if e["message"].startswith("{")]
    return [line for line in found if all(line.get(k) == v for k, v in wanted.items())]


def usage(installation: Installation, request_id: str) -> Usage:
    """Return what one request has cost."""
    eventually(
        lambda: lines(installation, requestId=request_id, type="api_request"),
        what="the request's log line",
    )
    written = lines(installation, requestId=request_id)
    [line] = [each for each in written if each["type"] == "api_request"]
    return {
        "requests": 1,
        "rows_written": line["rows_written"],
        "rows_read": line["rows_read"],
        "round_trips": line["d1_calls"],
        "log_events": len(written) + _INVOCATION_LOG,
    }


def removal(installation: Installation, client: NotificationClient, sent: SendResponse) -> Usage:
    """Remove a notification and return what that has cost."""
    with installation.service() as service:
        gone = service.call("DELETE", f"/api/notification-logs/{sent.results[0].log_id}")
    return usage(installation, gone.headers["X-Request-Id"])


def send(client: NotificationClient, user: str, key: str | None = None) -> SendResponse:
    return client.send_notification(
        user, ["webhook"], custom_content={"content": "It works"}, idempotency_key=key
    )


def test_a_send_and_its_removal_cost_what_is_computed_with(
    moving: Installation, client: NotificationClient, user: str
) -> None:
    counts = Counts.load()
    plain, keyed = send(client, user), send(client, user, "once")
    spent, with_key = usage(moving, plain.request_id), usage(moving, keyed.request_id)
    removed, removed_with_key = (removal(moving, client, each) for each in (plain, keyed))

    expected = {name: value for name, value in counts.send.items() if name != "cpu_ms"}
    assert spent | {"rows_read": 0} == expected | {
        "round_trips": counts.round_trips,
        "rows_read": 0,
    }
    assert spent["rows_read"] <= counts.send["rows_read"]
    assert removed["rows_written"] == counts.removal["rows_written"]
    # The cron deletes an expired key's record: one row, without an entry in an index.
    more = with_key["rows_written"] - spent["rows_written"] + 1
    more += removed_with_key["rows_written"] - removed["rows_written"]
    assert more == counts.key["rows_written"]
    assert with_key["rows_read"] - spent["rows_read"] <= counts.key["rows_read"]
    assert {with_key["round_trips"], with_key["log_events"]} == {
        spent["round_trips"], spent["log_events"],
    }  # fmt: skip


def test_a_retry_costs_what_is_computed_with(
    moving: Installation, client: NotificationClient, user: str
) -> None:
    counts = Counts.load()
    hook = f"{moving.sink_url}/hook/{user}-again?fail_first=1&status=500"
    client.configs.set(user, "webhook", {"webhook_url": hook})
    send_again = send(client, user)
    first = usage(moving, send_again.request_id)
    [result] = send_again.results
    assert result.status == "retry_scheduled"
    moving.advance_clock(40)
    [line] = eventually(
        lambda: lines(moving, type="queue_message", logId=result.log_id), what="the retry's line"
    )
    assert (
        line["rows_written"] + first["rows_written"] - counts.send["rows_written"]
        == (counts.retry["rows_written"])
    )
    assert (
        line["d1_calls"] + first["round_trips"] - counts.round_trips
        == (counts.retry["round_trips"])
    )
    assert line["rows_read"] <= counts.retry["rows_read"]
    # The attempt that failed, and the retry's attempt, message and invocation.
    retried = lines(moving, requestId=send_again.request_id, type="delivery_attempt")
    assert first["log_events"] == counts.send["log_events"] + 1
    assert len(retried) + 1 + _INVOCATION_LOG == counts.retry["log_events"]


def test_a_recipient_whom_the_isolate_does_not_know_costs_what_is_computed_with(
    moving: Installation, client: NotificationClient
) -> None:
    counts = Counts.load()
    name = f"user-{secrets.token_hex(4)}"
    client.configs.set(name, "webhook", {"webhook_url": f"{moving.sink_url}/hook/{name}"})
    first, second = (usage(moving, send(client, name, key).request_id) for key in ("a", "b"))
    assert first["round_trips"] - second["round_trips"] == counts.cold["round_trips"]
    assert 0 < first["rows_read"] - second["rows_read"] <= counts.cold["rows_read"]
    same = ("rows_written", "log_events")
    assert [first[each] for each in same] == [second[each] for each in same]


def test_the_cron_counts_each_notification_of_two_hours_at_what_is_computed_with(
    moving: Installation, client: NotificationClient, user: str
) -> None:
    def counted() -> int:
        """Return what the cheapest of some firings reads: none that looks back a whole day."""
        return min(int(clean_up(moving)["rows_read"]) for _ in range(3))

    before = counted()
    request = NotificationRequest(
        user_id=user, channels=("webhook",), custom_content={"content": "x"}
    )
    assert not client.send_bulk([request] * 40).failed
    each = Counts.load().counted["rows_read"]
    assert 40 * (each - 1) < counted() - before <= 40 * each + 20


def clean_up(installation: Installation) -> dict[str, Any]:
    """Let the next firing of the cron come, and return the line of its clean-up."""

    def ended() -> list[dict[str, Any]]:
        return lines(installation, type="scheduled_task", taskStatus="completed")

    known = [line for line in ended() if line["taskName"] == "data_cleanup"]
    installation.advance_clock(300)
    return eventually(
        lambda: [line for line in ended() if line["taskName"] == "data_cleanup"][len(known) :],
        what="the cron's clean-up",
    )[-1]


def test_a_firing_of_the_cron_that_finds_nothing_to_do_costs_no_more_than_is_computed_with(
    moving: Installation,
) -> None:
    counts = Counts.load()

    def fired() -> dict[str, Any]:
        known = len(lines(moving, type="scheduled_task", taskStatus="completed"))
        moving.advance_clock(300)
        eventually(
            lambda: len(lines(moving, type="scheduled_task", taskStatus="completed")) > known,
            what="a task of the cron",
        )
        return lines(moving, type="scheduled_task", taskStatus="completed")[-1]

    # The first ones take what the other tests have left.
    last = min((fired() for _ in range(4)), key=lambda line: int(line["rows_read"]))
    assert 0 < last["rows_written"] <= counts.cron["rows_written"], last
    assert 0 < last["rows_read"] <= counts.cron["rows_read"], last
