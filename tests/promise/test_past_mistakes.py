"""The mistakes of an earlier service, as timelines: none of them happens here."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.promise.simulated_timeline import SimulatedTimeline
from tests.promise.simulation import Simulation
from tests.worker.grafana.calls import alert
from tests.worker.grafana.calls import call as grafana_call

TOKEN = "a-bridge-token-of-forty-characters-or-so"
GRAFANA = {
    "authorization": "Basic "
    + base64.b64encode(b"grafana:a password of more than 32 letters").decode()
}


@pytest.fixture
def inbound() -> Iterator[SimulatedTimeline]:
    """An installation that takes calls of Grafana and of the bridge."""
    with Simulation() as simulation:
        simulation.environment |= {
            "BRIDGE_TOKEN": TOKEN,
            "GRAFANA_WEBHOOK_USERNAME": "grafana",
            "GRAFANA_WEBHOOK_PASSWORD": "a password of more than 32 letters",
        }
        simulation.isolates = [simulation.new_isolate(), simulation.new_isolate()]
        line = SimulatedTimeline(simulation)
        line.configure("ann")
        yield line


@pytest.mark.requirement("B-01")
def test_failing_retries_make_no_new_rows_and_end(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down()
    timeline.at(0).push("order")
    timeline.at(4000).expect("order", attempts=3, status="failed", error="moved to DLQ")
    assert timeline.logged("dead_letter") == 1


@pytest.mark.requirement("B-02")
@pytest.mark.parametrize("call", range(1, 8))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_process_that_ends_at_any_await_leaves_evidence_or_nothing(
    timeline: SimulatedTimeline, call: int, after: bool
) -> None:
    timeline.dies_at(call, after=after)
    timeline.at(0).push("order", key="k")
    accepted = timeline.reply("order").status == 200
    timeline.at(900)
    if timeline.rows("ann") or accepted:
        row, deaths = timeline.row("order"), timeline.simulation.deaths
        # Both isolates end at that await: a notification that has met both of them has failed.
        twice = len(deaths) > 1 and row["last_error_code"] == "INTERRUPTED"
        timeline.expect("order", status="failed" if twice else "sent")
    assert len(timeline.attempts()) <= 1 + len(timeline.simulation.deaths)
    assert len({a.message_id for a in timeline.attempts()}) <= 1


@pytest.mark.requirement("B-02")
@pytest.mark.parametrize("hang_up_at", [0.001, 0.05, 0.1, 0.2, 3])
@pytest.mark.requirement("C-6.1")
def test_a_caller_who_hangs_up_loses_no_accepted_notification(
    timeline: SimulatedTimeline, hang_up_at: float
) -> None:
    timeline.endpoint("ann").slow(5)
    start = timeline.simulation.now
    timeline.push("order").at(start + hang_up_at)
    timeline.hang_up("order").at(900)
    if hang_up_at >= 0.1:
        timeline.expect("order", attempts=1, status="sent")
    elif timeline.rows("ann"):
        timeline.expect("order", status="sent")


@pytest.mark.requirement("B-03", "B-42")
@pytest.mark.parametrize("committed", [False, True], ids=["refused", "answer-lost"])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_database_that_fails_in_the_consumer_costs_time_and_no_notification(
    timeline: SimulatedTimeline, call: int, committed: bool
) -> None:
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.at(0).push("order").at(8)
    timeline.database_fails(call, committed=committed, repeat=4)
    timeline.at(900).expect("order", status="sent")


@pytest.mark.requirement("B-03b")
def test_the_dead_letter_queue_is_recognised_by_its_deployed_name(
    timeline: SimulatedTimeline,
) -> None:
    timeline.simulation.failed_queue.name = "failed-queue-dev"
    timeline.endpoint("ann").down()
    timeline.at(0).push("order").at(60).expect("order", error="moved to DLQ")
    assert not timeline.simulation.failed_queue.waiting


@pytest.mark.requirement("B-04")
def test_a_notification_that_is_cancelled_while_its_message_waits_is_not_sent(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.at(0).push("order").at(6)
    timeline.simulation.sqlite.connection.execute(
        "UPDATE notification_logs SET status = 'cancelled', next_retry_at = NULL"
    )
    timeline.at(900).expect("order", attempts=1, status="cancelled")


@pytest.mark.requirement("B-06")
def test_simultaneous_requests_with_one_key_have_one_effect(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").slow(1)
    timeline.at(0).push("first", key="k")
    names = [f"again-{n}" for n in range(20)]
    for name in names:
        timeline.push(name, key="k", again="first")
    replies = [timeline.reply(name) for name in ("first", *names)]
    timeline.at(30).expect("first", attempts=1, status="sent")
    assert {r.status for r in replies} == {200}
    assert len({r.body["results"][0]["messageId"] for r in replies}) == 1


@pytest.mark.requirement("B-06")
def test_a_database_that_fails_never_switches_idempotency_off(timeline: SimulatedTimeline) -> None:
    timeline.at(0).database_fails(1, repeat=20)
    timeline.push("order", key="k").expect_reply("order", 503, code="DB_ERROR")
    timeline.at(900)
    assert not timeline.attempts()
    timeline.database_fails(99)
    timeline.push("order", key="k", again="order").expect_reply("order", 200, results=["sent"])


@pytest.mark.requirement("B-07")
def test_a_key_stands_for_one_request_for_a_day(timeline: SimulatedTimeline) -> None:
    timeline.at(0).push("order", key="k").expect_reply("order", 200, results=["sent"])
    timeline.push("other", key="k").expect_reply("other", 422, code="IDEMPOTENCY_KEY_REUSED")
    timeline.at(86_000).push("again", key="k", again="order")
    timeline.expect_reply("again", 200, results=["sent"]).expect("order", attempts=1)
    timeline.at(86_500).push("next day", key="k")
    timeline.expect_reply("next day", 200).expect("next day", attempts=1, status="sent")


@pytest.mark.requirement("B-08", "C-6.2")
def test_what_cannot_be_sent_is_refused_and_never_a_success_without_results(
    timeline: SimulatedTimeline,
) -> None:
    timeline.at(0).push("order", to="nobody").expect_reply("order", 400, code="USER_NO_CHANNELS")
    body = {"user_id": "ann", "channels": ["webhook"], "template_key": "no-such"}
    timeline.call("templated", "POST", "/api/notifications/send", body)
    timeline.expect_reply("templated", 400, code="TEMPLATE_NOT_FOUND")
    timeline.push("half", channels=("webhook", "slack"))
    timeline.expect_reply("half", 200, results=["sent", "failed"])


@pytest.mark.requirement("B-09")
def test_a_channel_that_is_named_twice_is_sent_once(timeline: SimulatedTimeline) -> None:
    timeline.at(0).push("order", channels=("webhook", "webhook"))
    timeline.expect_reply("order", 200, results=["sent"]).expect("order", attempts=1)


@pytest.mark.requirement("B-10")
def test_grafana_gets_success_while_a_retry_delivers_and_its_repetition_does_nothing(
    inbound: SimulatedTimeline,
) -> None:
    inbound.endpoint("ann").down(between=(0, 5))
    firing: dict[str, Any] = grafana_call(
        receiver="ann", alerts=[alert(annotations={"summary": "MARK"})]
    )
    for second, name in ((0, "alert"), (3, "alert"), (60, "alert")):
        inbound.at(second).call(name, "POST", "/api/webhooks/grafana", firing, headers=GRAFANA)
        assert inbound.reply(name).status == 200
    inbound.at(200).expect("alert", attempts=2, status="sent")


@pytest.mark.requirement("B-11")
def test_a_repeated_call_of_the_bridge_delivers_once(inbound: SimulatedTimeline) -> None:
    inbound.endpoint("ann").down(between=(0, 2))
    headers = {
        "x-bridge-token": TOKEN,
        "content-type": "application/json",
        "idempotency-key": "alarm-1",
    }
    body = {"subject": "RetryMessage", "message": "MARK"}
    for second in (0, 1, 5):
        inbound.at(second)
        inbound.call("alarm", "POST", "/web_hook/bridge/ann/webhook", body, headers=headers)
        assert inbound.reply("alarm").status == 200
    inbound.at(100).expect("alarm", attempts=2, status="sent")


@pytest.mark.requirement("B-12")
def test_a_text_arrives_unchanged_in_every_attempt(timeline: SimulatedTimeline) -> None:
    text = 'Tom & "Jerry" <https://x.example/a?b=1&c=2> it\'s'
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.at(0).push("order", text=text).at(20).expect("order", attempts=2, status="sent")
    for arrival in timeline.simulation.endpoints.arrivals:
        assert text in json.loads(arrival.request.body)["content"]


@pytest.mark.requirement("B-43")
def test_a_queue_that_is_down_fails_no_retry(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.at(0).queue_is_down().push("order")
    timeline.expect_reply("order", 200, results=["retry_scheduled"])
    timeline.at(250).queue_is_down(False)
    timeline.at(320).expect("order", attempts=2, status="sent")


@pytest.mark.requirement("B-44")
@pytest.mark.parametrize("failures", [1, 3, 4])
@pytest.mark.requirement("C-6.8")
def test_an_outcome_that_is_hard_to_write_is_written_or_logged_and_retried(
    timeline: SimulatedTimeline, failures: int
) -> None:
    timeline.at(0).push("warm").reply("warm")
    timeline.database_fails(2, repeat=failures)
    timeline.push("order").reply("order")
    timeline.at(900).expect("order", status="sent")
    unrecorded = timeline.logged("delivery_unrecorded")
    assert len(timeline.attempts_of("order")) == 1 + unrecorded
    assert unrecorded == (1 if failures == 4 else 0)


def test_a_database_that_fails_between_an_attempt_and_its_record_hides_no_attempt(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down()
    timeline.at(0).push("order").at(8)
    timeline.database_fails(3)  # after the look and the claim: writing the outcome
    timeline.at(70).expect("order", attempts=3, status="failed")
    timeline.expect_attempts("order", at=(0, 10, 40))
