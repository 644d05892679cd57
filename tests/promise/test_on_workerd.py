"""On the real runtime, with the very bundle that is deployed: stories, callers at once, kills.

One module, so that one installation serves all of it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from localcloud.sink.chat import Slack
from notification.timestamps import iso
from ops.stacks.service import sign
from tests.eventually import eventually
from tests.promise.real_installation import CRON, RealInstallation
from tests.promise.scenarios import ON_BOTH, Scenario
from tests.promise.test_kills import kill
from tests.promise.workerd_timeline import WorkerdTimeline

pytestmark = pytest.mark.workerd
KILLED = ["version", "store", "cloud"]
"""One of each kind; the long count has 200."""
PATH = "/api/notifications/send"
EARLY = 20
"""Requests that are answered before the other ones are made."""


async def _all_at_once(
    real: RealInstallation, body: dict[str, Any], count: int, held: Callable[[], int] | None
) -> list[httpx.Response]:
    """`count` requests at once; where an endpoint holds its answer, some of them while it does.

    A busy machine may not get to the second of 200 before the first has ended.
    """
    outputs = real.installation.outputs()
    content = json.dumps(body).encode()
    timestamp = str(int(real.now() * 1000))
    headers = {
        "Content-Type": "application/json",
        "X-Timestamp": timestamp,
        "X-Signature-Version": "2",
        "X-Signature": sign(outputs["api_secret_key"], timestamp, "POST", PATH, content),
    }
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(
        base_url=outputs["service_url"], limits=limits, timeout=120, trust_env=False
    ) as client:

        def calls(number: int) -> list[asyncio.Task[httpx.Response]]:
            return [
                asyncio.create_task(client.post(PATH, content=content, headers=headers))
                for _ in range(number)
            ]

        begun: list[asyncio.Task[httpx.Response]] = []
        if held is not None:
            begun += calls(1)
            await asyncio.to_thread(eventually, held, what="the endpoint to hold its answer")
            begun += calls(EARLY)
            await asyncio.wait(begun[1:])
        begun += calls(count - len(begun))
        return list(await asyncio.gather(*begun))


@pytest.mark.parametrize("scenario", ON_BOTH, ids=lambda s: s.__name__)
def test_the_deployed_bundle_keeps_the_promise(scenario: Scenario, real: RealInstallation) -> None:
    with WorkerdTimeline(real) as timeline:
        timeline.configure("ann")
        scenario(timeline)


@pytest.mark.requirement("C-0.30", "C-0.31")
def test_a_burst_at_slack_is_delivered_whole(real: RealInstallation) -> None:
    alerts = 15
    with WorkerdTimeline(real) as timeline:
        timeline.configure("ann", "slack")
        timeline.endpoints.apis["slack"] = Slack()
        timeline.at(0)
        for number in range(alerts):
            timeline.push(f"n{number}", channels=("slack",))
        for number in range(alerts):
            timeline.expect_reply(f"n{number}", 200)
        timeline.at(1.5 * alerts + 60)

        def delivered() -> None:
            rows = timeline.rows("ann")
            assert {(row["status"], row["retry_count"]) for row in rows} == {("sent", 0)}
            assert len(rows) == alerts

        timeline.see(delivered)
        assert sum(call.status == 200 for call in timeline.endpoints.calls) == alerts


@pytest.mark.requirement("C-0.55")
def test_a_held_channel_waits_and_drains(real: RealInstallation) -> None:
    with WorkerdTimeline(real) as timeline:
        timeline.configure("ann")
        until = iso(round((real.now() + 3_000) * 1000))
        path = f"/api/holds/webhook?user_id={timeline.user('ann')}"
        timeline.call("hold", "PUT", path, {"until": until}).expect_reply("hold", 200)
        timeline.at(1).push("order").expect_reply("order", 200, results=["retry_scheduled"])
        timeline.at(60).expect("order", attempts=0, status="retry")
        timeline.call("release", "DELETE", path, {}).expect_reply("release", 200)
        timeline.at(120).expect("order", attempts=1, status="sent")


@pytest.mark.requirement("C-0.53")
def test_the_first_send_after_the_database_was_lost_works(real: RealInstallation) -> None:
    with WorkerdTimeline(real) as timeline:
        timeline.configure("ann")
        timeline.at(0).push("before").expect_reply("before", 200, results=["sent"])
        workers = {role: p.pid for role, p in real.runtimes().items() if role.startswith("version")}
        lost = real.victims("store")
        for process in lost:
            process.kill()
        for process in lost:
            process.wait(60)
        # Asked past the Worker, so that its next call is the first after the loss.
        real.query("SELECT 1")
        timeline.push("after").expect_reply("after", 200, results=["sent"])
        assert len(timeline.rows("ann")) == 2
        assert workers.items() <= {r: p.pid for r, p in real.runtimes().items()}.items()


@pytest.mark.requirement("C-0.4")
def test_an_attempt_that_kills_its_process_twice_ends_failed(real: RealInstallation) -> None:
    with WorkerdTimeline(real) as timeline:
        timeline.configure("ann")
        timeline.endpoint("ann").slow(9)
        timeline.at(0).push("order")
        for _ in range(2):
            eventually(lambda: timeline.endpoints.held, what="the endpoint to hold its answer")
            timeline.kill()
            eventually(lambda: not timeline.endpoints.held, what="the endpoint's end")
            [row] = timeline.rows("ann")
            assert row["status"] in ("pending", "retry")
            real.make_retries_due()

        def given_up() -> None:
            [row] = timeline.rows("ann")
            assert (row["status"], row["last_error_code"]) == ("failed", "INTERRUPTED")

        timeline.see(given_up)
        assert len(timeline.attempts()) == 2


@pytest.mark.requirement("C-2.6")
def test_health_on_workerd_reports_a_stopped_cron(real: RealInstallation) -> None:
    def health() -> tuple[int, list[str]]:
        with real.service() as service:
            answer = service.call("GET", "/health")
        return answer.status_code, [error["code"] for error in answer.json().get("errors", [])]

    real.make_retries_due()
    assert health() == (200, [])
    real.set_schedules()
    try:
        real.advance(1_000)
        assert health() == (503, ["CRON_STOPPED"])
    finally:
        real.set_schedules(CRON)
    real.make_retries_due()
    assert health() == (200, [])


@pytest.mark.requirement("B-06")
@pytest.mark.parametrize(("count", "takes"), [(200, 0.0), (200, 9.0)], ids=["quick", "slow"])
def test_simultaneous_requests_with_one_key_have_one_effect(
    real: RealInstallation, count: int, takes: float
) -> None:
    with WorkerdTimeline(real) as timeline:
        timeline.configure("ann")
        timeline.endpoint("ann").slow(takes)
        user = timeline.user("ann")
        body = {
            "user_id": user,
            "channels": ["webhook"],
            "custom_content": {"content": "push1end"},
            "idempotency_key": secrets.token_hex(8),
        }
        held = (lambda: timeline.endpoints.held) if takes else None
        answers = asyncio.run(_all_at_once(real, body, count, held))
        rows = timeline.rows("ann")
        calls = timeline.attempts()

    statuses = Counter(answer.status_code for answer in answers)
    print(f"{count} requests with one key: {dict(statuses)}")  # noqa: T201 - the test's figure
    assert set(statuses) <= {200, 409}
    assert statuses[200] >= 1
    assert takes == 0 or statuses[409] >= 1
    [row] = rows
    assert row["status"] == "sent"
    assert len(calls) == 1
    for answer in answers:
        if answer.status_code == 200:
            [result] = answer.json()["results"]
            assert (result["messageId"], result["status"]) == (row["message_id"], "sent")
        else:
            assert answer.json()["code"] == "IDEMPOTENCY_IN_PROGRESS"
            assert int(answer.headers["Retry-After"]) >= 1


def test_a_kill_of_each_kind_loses_no_notification_that_was_accepted(
    real: RealInstallation,
) -> None:
    kill(real, KILLED)
