"""Killing the real runtime with sends in flight, and counting what became of every one."""

from __future__ import annotations

import random
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ops.stacks.errors import ServiceError
from tests.eventually import eventually
from tests.promise.endpoint_server import Call, EndpointServer
from tests.promise.kill_report import KillReport, stage_of
from tests.promise.real_installation import RealInstallation
from tests.promise.repetition import Outage, repetitions
from tests.timeline import Spell

USERS = 6
SENDS = 10
"""Sends in flight around each kill."""
BATCHES = 2
"""Batches in flight beside them."""
BATCH = 5
"""Recipients of one batch; two items may be one's."""
MAX_WAIT_S = 0.8
TELLING = ("delivery_unrecorded", "lease_lost")


@dataclass
class Sent:
    """One notification that a caller asked for.

    Attributes:
        reply: what the request was answered.
        place: its place among a batch's; None for a request of its own.
    """

    mark: int
    user: str
    key: str | None
    reply: Future[dict[str, Any] | None]
    place: int | None = None

    def answer(self) -> dict[str, Any] | None:
        """What the caller was told of it; None if it wasn't accepted."""
        document = self.reply.result(120)
        if document is None or self.place is None:
            return document
        found: dict[str, Any] = document["results"][self.place]
        return found if "results" in found else None


class KillRun:
    """Sends, kills, waits, and in the end compares rows, answers and deliveries."""

    def __init__(self, real: RealInstallation, seed: int) -> None:
        self.real = real
        self.report = KillReport()
        self._chance = random.Random(seed)  # noqa: S311 - a run must be repeatable
        self._name = f"kill{seed}-{int(time.time())}"
        self._start = real.now()
        self._endpoints = EndpointServer(lambda: real.now() - self._start)
        self._sent: list[Sent] = []
        self._outages: list[Outage] = []

    def run(self, kinds: list[str]) -> KillReport:
        """One kill per entry."""
        begun = time.monotonic()
        with self._endpoints, ThreadPoolExecutor(SENDS + BATCHES) as pool:
            self._configure()
            for number, kind in enumerate(kinds, start=1):
                self._one(kind, pool)
                if number % 50 == 0:
                    self._settle()
            self._afterwards(pool)
            self._settle()
            self._judge()
        self.report.seconds = time.monotonic() - begun
        return self.report

    def _user(self, number: int) -> str:
        return f"{self._name}-{number % USERS}"

    def _configure(self) -> None:
        with self.real.service() as service:
            for number in range(USERS):
                user = self._user(number)
                config = {"webhook_url": self._endpoints.url("webhook", user)}
                body = {"user_id": user, "channel_type": "webhook", "config_data": config}
                service.result("POST", "/api/user-configs", body=body)

    def _one(self, kind: str, pool: ThreadPoolExecutor) -> None:
        if self._chance.random() < 1 / 3:
            self._make_earlier_ones_due()
        now = self.real.now() - self._start
        for number in range(USERS):
            spell = Spell(
                now,
                now + 30,
                status=500 if number == 0 else 200,
                takes=self._chance.choice([0, 0.05, 0.2, 0.4]),
            )
            self._endpoints.plan("webhook", self._user(number), spell)
        before = self.real.pids()
        batch = self._sends(pool)
        self._wait_for_a_moment()
        victims = self.real.victims(kind)
        self.report.unplanned += len(before - self.real.pids())
        start = time.monotonic()
        for process in victims:
            process.kill()
        killed = time.monotonic()
        self.report.kills[kind] += 1
        if kind == "cloud":
            server = self.real.server()
            eventually(lambda: server.process() is None, what="the end of the local cloud")
            self.report.messages_lost_by_the_queue += self.real.forget_messages()
            # A process that was killed keeps its ports until its last thread has ended.
            eventually(
                lambda: self.real.installation.ctl("local", "start").returncode == 0,
                what="a local cloud on the same ports",
            )
        for sent in batch:
            sent.answer()
        eventually(self.real.serves, what=f"the service after a kill of {kind}")
        self.report.messages_lost_by_the_queue += self.real.forget_messages()
        self._outages.append(Outage(kind, start, killed, time.monotonic()))
        self.report.away_s[kind] += time.monotonic() - killed
        self._note_stages(kind, batch, killed)

    def _sends(self, pool: ThreadPoolExecutor) -> list[Sent]:
        """Begin the sends and the batches of one round."""
        first = len(self._sent)
        calls = [self._send] * SENDS + [self._send_batch] * BATCHES
        self._chance.shuffle(calls)
        for call in calls:
            call(pool)
        return self._sent[first:]

    def _afterwards(self, pool: ThreadPoolExecutor) -> None:
        """A round that nothing is killed in: all of it must be taken.

        A kill may meet every send of its round, or every batch, before it is answered.
        """
        for sent in self._sends(pool):
            if sent.answer() is None:
                self.report.refused_afterwards.append(f"push {sent.mark} of {sent.user}")

    def _make_earlier_ones_due(self) -> None:
        """Let leases lapse and the sweep queue retries, so that kills meet consumers, too."""
        if not any(row["status"] in ("pending", "retry") for row in self._all_rows()):
            return
        eventually(self.real.queues_are_idle, what="the consumers")
        self.real.make_retries_due()

    def _wait_for_a_moment(self) -> None:
        """Any time, or soon after some endpoint was called: most of a send's stages are there."""
        called = len(self._endpoints.calls)
        wanted = self._chance.choice([0, 0, 1, 2, 3, 4])
        deadline = time.monotonic() + MAX_WAIT_S * 3
        while len(self._endpoints.calls) < called + wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(self._chance.uniform(0, 0.4 if wanted else MAX_WAIT_S))

    def _send(self, pool: ThreadPoolExecutor) -> None:
        body = self._body(len(self._sent) + 1)
        self._note(body, pool.submit(self._call, "send", body))

    def _send_batch(self, pool: ThreadPoolExecutor) -> None:
        first = len(self._sent) + 1
        bodies = [self._body(first + place) for place in range(BATCH)]
        reply = pool.submit(self._call, "batch", {"notifications": bodies})
        for place, body in enumerate(bodies):
            self._note(body, reply, place)

    def _note(
        self,
        body: dict[str, Any],
        reply: Future[dict[str, Any] | None],
        place: int | None = None,
    ) -> None:
        mark = len(self._sent) + 1
        self._sent.append(Sent(mark, body["user_id"], body.get("idempotency_key"), reply, place))

    def _body(self, mark: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "user_id": self._user(self._chance.randrange(USERS)),
            "channels": ["webhook"],
            "custom_content": {"content": f"push{mark}end of {self._name}"},
        }
        if self._chance.random() < 0.5:
            body["idempotency_key"] = f"{self._name}-{mark}"
        return body

    def _call(self, what: str, body: dict[str, Any]) -> dict[str, Any] | None:
        try:
            with self.real.service() as service:
                answer = service.call("POST", f"/api/notifications/{what}", body=body)
        except ServiceError:
            return None
        if answer.status_code != 200:
            return None
        document: dict[str, Any] = answer.json()
        return document

    def _all_rows(self) -> list[dict[str, Any]]:
        return self.real.query_all(
            "SELECT id, message_id, status, retry_count, error, last_error_code, attempts, content"
            " FROM notification_logs WHERE user_id LIKE ?1",
            f"{self._name}-%",
        )

    def _rows(self) -> dict[int, list[dict[str, Any]]]:
        found: dict[int, list[dict[str, Any]]] = {}
        for row in self._all_rows():
            mark = int(str(row["content"]).split("end")[0].removeprefix("push"))
            found.setdefault(mark, []).append(row)
        return found

    def _calls(self, mark: int) -> list[Call]:
        return [call for call in list(self._endpoints.calls) if call.mark == mark]

    def _note_stages(self, kind: str, batch: list[Sent], killed: float) -> None:
        rows = self._rows()
        for sent in batch:
            calls = [call for call in self._calls(sent.mark) if call.real <= killed]
            stage = stage_of(rows.get(sent.mark, []), calls, killed, answered=sent.answer())
            self.report.stages[kind, stage] += 1
        first = batch[0].mark
        for call in list(self._endpoints.calls):
            if call.mark < first and call.real <= killed <= (call.answered or call.real + 1):
                self.report.stages[kind, "8 consumer: waiting for the endpoint's answer"] += 1

    def _settle(self) -> None:
        """Let leases lapse, the sweep queue retries, and retries end."""

        def ended() -> bool:
            # Less than a lease at once, and never under an attempt: a jump of the clock would be a
            # stall of the process, which is another story.
            self.real.advance(50)
            time.sleep(0.3)
            eventually(self.real.queues_are_idle, what="the consumers")
            return not any(row["status"] in ("pending", "retry") for row in self._all_rows())

        eventually(ended, what="the end of every notification")

    def _judge(self) -> None:
        report, rows = self.report, self._rows()
        told = [line for line in self.real.worker_lines() if line.get("type") in TELLING]
        report.statuses.update(row["status"] for found in rows.values() for row in found)
        for sent in self._sent:
            answer, found = sent.answer(), rows.get(sent.mark, [])
            name = f"push {sent.mark} of {sent.user}"
            if answer is None:
                report.refused += 1
            else:
                report.accepted += 1
                report.in_batches += sent.place is not None
                wanted = answer["results"][0]["messageId"]
                if wanted not in [row["message_id"] for row in found]:
                    report.lost.append(name)
            if len(found) > 1:
                report.lost.append(f"{name} has {len(found)} rows")
            for row in found:
                delivered = any(200 <= c.status < 300 for c in self._calls(sent.mark))
                if row["status"] not in ("sent", "failed"):
                    report.open.append(f"{name} is {row['status']}")
                elif row["status"] == "sent" and not delivered:
                    report.lost.append(f"{name} says sent")
                report.repetitions += repetitions(
                    name,
                    row,
                    self._calls(sent.mark),
                    self._outages,
                    start=self._start,
                    logged=[line for line in told if line.get("messageId") == row["message_id"]],
                )
