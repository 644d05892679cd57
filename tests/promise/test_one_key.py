"""Many callers with one idempotency key, beside a first attempt that is slow or was cut off."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.promise.simulated_timeline import SimulatedTimeline

CALLERS = 200


def all_at_once(timeline: SimulatedTimeline, *, again: str, tag: str = "") -> Counter[int]:
    """The same request from every caller; the statuses of the answers."""
    names = [f"caller{tag}-{number}" for number in range(CALLERS)]
    for name in names:
        timeline.push(name, key="k", again=again)
    return Counter(timeline.reply(name).status for name in names)


def one_id(timeline: SimulatedTimeline, statuses: Counter[int], tag: str = "") -> None:
    """Everybody who got results got the row's message id."""
    wanted = timeline.row("first")["message_id"]
    for number in range(CALLERS):
        reply = timeline.reply(f"caller{tag}-{number}")
        if reply.status == 200:
            assert [r["messageId"] for r in reply.body["results"]] == [wanted]
        else:
            assert reply.body["code"] == "IDEMPOTENCY_IN_PROGRESS"
            assert int(reply.headers["Retry-After"]) >= 1
    assert statuses.total() == CALLERS


@pytest.mark.requirement("B-06")
def test_two_hundred_callers_beside_a_slow_first_one_wait_or_are_told_to_retry(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").slow(9)
    timeline.at(0).push("first", key="k").at(1)
    statuses = all_at_once(timeline, again="first")
    assert statuses == {409: CALLERS}
    one_id(timeline, statuses)
    timeline.expect_reply("first", 200, results=["sent"])
    later = all_at_once(timeline, again="first", tag="-later")
    assert later == {200: CALLERS}
    one_id(timeline, later, "-later")
    timeline.expect("first", attempts=1, status="sent")


@pytest.mark.requirement("B-06")
@pytest.mark.parametrize("cron_runs", [True, False])
def test_the_send_of_a_killed_process_is_taken_over_after_its_lease_and_not_repeated(
    timeline: SimulatedTimeline, cron_runs: bool
) -> None:
    timeline.simulation.cron_runs = cron_runs
    timeline.endpoint("ann").slow(9, between=(0, 9))
    timeline.at(0).push("first", key="k").at(2).kill()
    statuses = all_at_once(timeline, again="first")
    assert statuses == {409: CALLERS}
    timeline.at(62)
    lapsed = all_at_once(timeline, again="first", tag="-lapsed")
    assert lapsed == {200: CALLERS}
    one_id(timeline, lapsed, "-lapsed")
    timeline.expect("first", attempts=1, status="pending")
    timeline.simulation.cron_runs = True
    timeline.at(700).expect("first", attempts=2, status="sent")


@pytest.mark.requirement("B-06")
@pytest.mark.requirement("C-6.3")
def test_a_lapsed_reservation_that_left_no_row_is_taken_over_by_one_of_two_hundred(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").slow(5, between=(0, 9))
    timeline.at(0).push("first", key="k").at(2)
    reserved = timeline.row("first")["message_id"]
    timeline.kill()
    timeline.simulation.sqlite.connection.execute("DELETE FROM notification_logs")
    assert all_at_once(timeline, again="first", tag="-early") == {409: CALLERS}
    timeline.at(62)
    statuses = all_at_once(timeline, again="first")
    assert statuses == {200: CALLERS}
    assert timeline.row("first")["message_id"] == reserved
    one_id(timeline, statuses)
    timeline.at(900).expect("first", attempts=2, status="sent")
