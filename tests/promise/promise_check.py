"""What must be true of any history, independent of the implementation."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from notification.timestamps import from_iso, iso
from tests.promise.simulated_endpoints import Arrival
from tests.promise.simulation import Request, Simulation
from tests.timeline import MARK

ENDED = ("sent", "failed", "cancelled")
MAX_ATTEMPTS = 3
THROTTLED = 429
PACE_MS = {"webhook": 200, "slack": 1_000}
"""How far places in line lie apart."""
SETTLED_S = 15
"""Seconds within which an answer is stored, and calls that were already chosen have begun."""


@dataclass
class Push:
    """One notification that a caller wants, and every request that was made for it.

    Attributes:
        more: further fields of the request.
        fallback: whether the channels are an order of fallbacks.
    """

    mark: int
    user: str
    channels: tuple[str, ...]
    key: str | None
    more: dict[str, Any] = field(default_factory=dict)
    fallback: bool = False
    requests: list[Request] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        """The request's body, the same each time."""
        body: dict[str, Any] = {
            "user_id": self.user,
            "channels": [list(self.channels)] if self.fallback else list(self.channels),
            "custom_content": {"content": f"Shipped push{self.mark}end"},
        }
        if self.key is not None:
            body["idempotency_key"] = self.key
        return {**body, **self.more}


@dataclass
class PromiseCheck:
    """The invariants.

    Attributes:
        interruptions: hang-ups and failures of database and clock that the history injected; each
            may leave one attempt uncounted on its row.
        stalled: whether time went by under a process as if it had stood still, so that a lease may
            have lapsed under an attempt.
        discarded: rows that an operator was about to discard.
        lost_answers: whether a committed batch was reported as failed.
        disturbed: when callers hung up, and the clock jumped.
        opened: when a hold was put or taken away, so that its lines begin anew.
    """

    simulation: Simulation
    pushes: list[Push] = field(default_factory=list)
    interruptions: int = 0
    stalled: bool = False
    discarded: set[int] = field(default_factory=set)
    lost_answers: bool = False
    disturbed: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    _ended: dict[int, tuple[str, int]] = field(default_factory=dict)

    def interrupt(self) -> None:
        """Count an interruption that the history injects now."""
        self.interruptions += 1
        self.disturbed.append(self.simulation.now)

    def at_any_moment(self) -> None:
        """What has ended stays as it ended, and one key has one row per channel."""
        rows = self.simulation.logs()
        for row in rows:
            before, now = self._ended.get(row["id"]), (row["status"], row["redrives"])
            if before is not None and not self._an_operators(row, before):
                assert before == now, f"{before} became {now}"
            if row["status"] in ENDED:
                self._ended[row["id"]] = now
        keyed = [
            (row["user_id"], row["idempotency_key"], row["channel_type"])
            for row in rows
            if row["idempotency_key"] is not None
        ]
        assert len(keyed) == len(set(keyed)), "one key had two effects"

    def _an_operators(self, row: dict[str, Any], before: tuple[str, int]) -> bool:
        """Whether a person took up or discarded what had failed."""
        if before[0] != "failed":
            return False
        return row["redrives"] > before[1] or (
            row["status"] == "cancelled" and row["id"] in self.discarded
        )

    def at_the_end(self) -> None:
        """Everything that was accepted was delivered, or has failed for all to see."""
        rows = {row["message_id"]: row for row in self.simulation.logs()}
        for row in rows.values():
            assert row["status"] in ENDED, f"a row is left as {row['status']}"
            assert row["status"] == "sent" or row["error"], "it failed without a reason"
        overtaken = self.simulation.log_sink.of_type("lease_lost")
        assert self.stalled or not overtaken, "two attempts at once"
        for push in self.pushes:
            self._answers(push, rows)
            self._fallbacks(push, rows)
        for (mark, channel), calls in self._calls().items():
            self._attempts(mark, channel, calls, rows)
        self._left_alone()
        self._behind_one_another()

    def _answers(self, push: Push, rows: dict[str, dict[str, Any]]) -> None:
        first: list[str] | None = None
        refused = True
        for request in push.requests:
            answer = request.answer
            if answer is None or answer.status != 503:
                refused = False
            if answer is None or answer.status != 200:
                # A clock that is set meanwhile can put a planned time into the past.
                late = (400,) if "send_at" in push.more else ()
                assert answer is None or answer.status in (401, 409, 503, *late), answer
                continue
            results = answer.json["results"]
            ids = [result["messageId"] for result in results]
            assert [result["channelType"] for result in results] == list(push.channels)
            assert push.key is None or first in (None, ids), "one key got two answers"
            first = ids
            for result in results:
                row = rows[result["messageId"]]
                assert f"push{push.mark}end" in row["content"]
                touched = row["redrives"] or row["id"] in self.discarded
                if result["status"] == "sent" or (result["status"] in ENDED and not touched):
                    assert row["status"] == result["status"]
        if refused and push.requests and not self.lost_answers:
            marks = {int(m[1]) for row in rows.values() if (m := MARK.search(row["content"]))}
            assert push.mark not in marks, "refused, and yet it was taken"

    def _fallbacks(self, push: Push, rows: dict[str, dict[str, Any]]) -> None:
        """A fallback was used only where the channel before it had failed."""
        if not push.fallback:
            return
        sends: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        for row in rows.values():
            if f"push{push.mark}end" in row["content"]:
                sends[row["created_at"]][row["channel_type"]] = row
        for of_send in sends.values():
            first, second = (of_send[channel] for channel in push.channels)
            if first["status"] == "sent" and not first["redrives"]:
                used = second["attempts"] != "[]" or second["status"] == "sent"
                assert not used, "a fallback was used although the first channel had delivered"

    def _calls(self) -> dict[tuple[int, str], list[Arrival]]:
        calls: dict[tuple[int, str], list[Arrival]] = defaultdict(list)
        for arrival in self.simulation.endpoints.arrivals:
            channel = "slack" if "slack" in arrival.endpoint else "webhook"
            calls[arrival.mark, channel].append(arrival)
        return calls

    def _attempts(
        self, mark: int, channel: str, calls: list[Arrival], rows: dict[str, dict[str, Any]]
    ) -> None:
        of_mark = [
            row
            for row in rows.values()
            if f"push{mark}end" in row["content"] and row["channel_type"] == channel
        ]
        assert of_mark, "something was sent that no row knows of"
        ids = {row["message_id"] for row in of_mark}
        unexcused = 0
        for call, following in itertools.pairwise(calls):
            if not 200 <= call.status < 300 or len(of_mark) > 1:
                continue
            died = call.caller.died
            # After a stall the second attempt may come first, and then the end of the process.
            too_late = died is not None and (self.stalled or died <= following.at)
            if call.told and not too_late:
                unexcused += 1
        assert unexcused <= self._told_in_the_log(ids), "sent again after a confirmed success"
        rounds = sum(1 + row["redrives"] for row in of_mark)
        most = MAX_ATTEMPTS * rounds + self.interruptions + self._deaths(calls)
        # A throttled attempt spends no retry.
        spent = sum(call.status != THROTTLED for call in calls)
        assert spent <= most, f"{spent} attempts where {most} are the most"

    def _left_alone(self) -> None:
        """An endpoint that asked for time isn't called in it, whoever's notification is due."""
        arrivals = self.simulation.endpoints.arrivals
        disturbed = [*self.disturbed, *self.simulation.failures.failed_at]
        for refusal in arrivals:
            if refusal.status != THROTTLED or not refusal.told or refusal.retry_after is None:
                continue
            stored, end = refusal.at + SETTLED_S, refusal.at + float(refusal.retry_after)
            died = refusal.caller.died
            lost = died is not None and died <= stored
            if lost or any(refusal.at <= moment <= end for moment in disturbed):
                continue
            early = [
                call.at
                for call in arrivals
                if call.endpoint == refusal.endpoint and stored < call.at < end
            ]
            assert not early, f"called {early} although asked at {refusal.at} to wait until {end}"

    def _behind_one_another(self) -> None:
        """Who sends to an endpoint with a line stands behind the others, whoever's they are."""
        configs = self.simulation.rows("SELECT user_id, channel_type, endpoint FROM user_configs")
        leads_to = {(c["user_id"], c["channel_type"]): c["endpoint"] for c in configs}
        disturbed = [
            *self.disturbed,
            *self.opened,
            *self.simulation.failures.failed_at,
            *self.simulation.died,
        ]
        in_line: dict[str, list[tuple[Request, int]]] = defaultdict(list)
        for push in self.pushes:
            request = push.requests[0]
            if push.more or push.fallback or request.answer is None or request.answer.status != 200:
                continue
            for result in request.answer.json["results"]:
                endpoint = leads_to[push.user, result["channelType"]]
                if "held_until" in result or "send_at" in result:
                    # A hold's end, or that of quiet hours: the line is met when the time has come.
                    continue
                place = result.get("throttled_until")
                for before, taken in in_line[endpoint]:
                    if (
                        before.ended is None
                        or before.ended > request.begun
                        or taken < request.begun_ms
                    ):
                        continue
                    if any(before.begun <= at <= (request.ended or at) for at in disturbed):
                        continue
                    assert place is not None, f"{result} overtook {iso(taken)} at {endpoint}"
                    apart = from_iso(place) - taken
                    assert apart >= PACE_MS[result["channelType"]], f"{place} after {iso(taken)}"
                if place is not None:
                    in_line[endpoint].append((request, from_iso(place)))

    def _told_in_the_log(self, ids: set[str]) -> int:
        """Confirmed deliveries that could not be written, each said in the log."""
        log_sink = self.simulation.log_sink
        lost = [line for line in log_sink.of_type("lease_lost") if line["outcome"] == "sent"]
        lines = [*lost, *log_sink.of_type("delivery_unrecorded")]
        return sum(line["messageId"] in ids for line in lines)

    def _deaths(self, calls: list[Arrival]) -> int:
        return sum(call.caller.died is not None for call in calls)
