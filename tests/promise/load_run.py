"""Load on the real runtime for a long time, with failing and with slow endpoints."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter

import httpx

from ops.stacks.service import sign
from tests.eventually import eventually
from tests.promise.endpoint_server import EndpointServer
from tests.promise.load_report import LoadReport, Sample
from tests.promise.process_memory import CollectionTrace, interpreter_megabytes, megabytes
from tests.promise.real_installation import RealInstallation
from tests.timeline import Spell

PATH = "/api/notifications/send"
USERS = 20
FAILING = (0, 1)
"""Users whose endpoint fails always: 10 %."""
SLOW = (2,)
"""Users whose endpoint is slow: 5 %."""
SLOW_S = 3.0
CALLERS = 64
"""Enough to find the maximum although one in twenty waits for the slow endpoint."""
SHARE = 0.7
SAMPLE_S = 5.0
MAX_IN_FLIGHT = 3_000
FOREVER = float("inf")


class LoadRun:
    """Finds the maximum, loads with a share of it, waits for the end of all, and counts."""

    def __init__(self, real: RealInstallation) -> None:
        self.real = real
        self.report = LoadReport()
        self._name = f"load{int(time.time())}"
        self._start = real.now()
        self._trace = CollectionTrace(real.home.logs)
        self._endpoints = EndpointServer(lambda: real.now() - self._start)
        self._accepted: dict[int, int] = {}
        self._marks = 0
        outputs = real.installation.outputs()
        self._url, self._secret = outputs["service_url"], outputs["api_secret_key"]

    def run(self, *, measure_s: float, load_s: float) -> LoadReport:
        """Load for `load_s` seconds, after `measure_s` seconds at the maximum."""
        with self._endpoints:
            self._configure()
            self.report.most_per_second = asyncio.run(self._measure(measure_s))
            self.report.per_second = SHARE * self.report.most_per_second
            self.report.statuses.clear()
            self._load(load_s)
            begun = time.monotonic()
            self._drain()
            self.report.drained_s = time.monotonic() - begun
            self._judge()
        return self.report

    def _user(self, number: int) -> str:
        return f"{self._name}-{number}"

    def _configure(self) -> None:
        with self.real.service() as service:
            for number in range(USERS):
                user = self._user(number)
                config = {"webhook_url": self._endpoints.url("webhook", user)}
                body = {"user_id": user, "channel_type": "webhook", "config_data": config}
                service.result("POST", "/api/user-configs", body=body)
        for number in FAILING:
            self._endpoints.plan("webhook", self._user(number), Spell(0, FOREVER, status=500))
        for number in SLOW:
            self._endpoints.plan("webhook", self._user(number), Spell(0, FOREVER, takes=SLOW_S))

    async def _measure(self, seconds: float) -> float:
        until = time.monotonic() + seconds
        answered = 0

        async def call_on(client: httpx.AsyncClient) -> None:
            nonlocal answered
            while time.monotonic() < until:
                await self._send(client)
                answered += 1

        async with self._client() as client:
            await asyncio.gather(*(call_on(client) for _ in range(CALLERS)))
        return answered / seconds

    def _load(self, seconds: float) -> None:
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,))
        watcher.start()
        try:
            asyncio.run(self._keep_sending(seconds))
        finally:
            over.set()
            watcher.join()

    async def _keep_sending(self, seconds: float) -> None:
        """A call is due at its moment, whatever became of those before it."""
        begun = time.monotonic()
        running: set[asyncio.Task[None]] = set()
        async with self._client() as client:
            count = int(seconds * self.report.per_second)
            for number in range(count):
                due = begun + number / self.report.per_second
                if (left := due - time.monotonic()) > 0:
                    await asyncio.sleep(left)
                task = asyncio.create_task(self._timed(client, due))
                running.add(task)
                task.add_done_callback(running.discard)
                assert len(running) < MAX_IN_FLIGHT, "the service does not keep up"
            await asyncio.gather(*running)
        self.report.seconds = time.monotonic() - begun

    async def _timed(self, client: httpx.AsyncClient, due: float) -> None:
        user = await self._send(client)
        took = time.monotonic() - due
        (self.report.slow if user in SLOW else self.report.latencies).append(took)

    async def _send(self, client: httpx.AsyncClient) -> int:
        self._marks += 1
        mark = self._marks
        user = mark % USERS
        body = {
            "user_id": self._user(user),
            "channels": ["webhook"],
            "custom_content": {"content": f"push{mark}end of {self._name}"},
        }
        content = json.dumps(body).encode()
        timestamp = str(int(self.real.now() * 1000))
        headers = {
            "Content-Type": "application/json",
            "X-Timestamp": timestamp,
            "X-Signature-Version": "2",
            "X-Signature": sign(self._secret, timestamp, "POST", PATH, content),
        }
        answer = await client.post(PATH, content=content, headers=headers)
        self.report.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            self._accepted[mark] = user
        return user

    def _client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=MAX_IN_FLIGHT, max_keepalive_connections=CALLERS)
        return httpx.AsyncClient(base_url=self._url, limits=limits, timeout=120, trust_env=False)

    def _watch(self, over: threading.Event) -> None:
        begun = time.monotonic()
        while not over.wait(SAMPLE_S):
            runtimes = self.real.runtimes()
            versions = [process for role, process in runtimes.items() if role.startswith("version")]
            stores = [process for role, process in runtimes.items() if role.startswith("store")]
            queues = self.real.installation.control("GET", "/local/queues").json()["queues"]
            self.report.samples.append(
                Sample(
                    at=time.monotonic() - begun,
                    memory=sum(megabytes(process) for process in versions),
                    interpreter=sum(interpreter_megabytes(process) for process in versions),
                    store=sum(megabytes(process) for process in stores),
                    alive=tuple(self._trace.collections()),
                    waiting=self._waiting(),
                    messages=sum(queue["backlog_count"] for queue in queues),
                )
            )

    def _waiting(self) -> int:
        [row] = self.real.query(
            "SELECT COUNT(*) AS waiting FROM notification_logs"
            " WHERE status = 'retry' AND next_retry_at > ''"
        )
        return int(row["waiting"])

    def _drain(self) -> None:
        def ended() -> bool:
            self.real.advance(10)
            time.sleep(0.5)
            return self._rows("status IN ('pending', 'retry')").total() == 0

        eventually(ended, what="the end of every notification")

    def _rows(self, condition: str) -> Counter[tuple[str, str]]:
        rows = self.real.query(
            "SELECT user_id, status, COUNT(*) AS count FROM notification_logs"  # noqa: S608 - ours
            f" WHERE user_id LIKE ?1 AND {condition} GROUP BY user_id, status",
            f"{self._name}-%",
        )
        return Counter({(row["user_id"], row["status"]): int(row["count"]) for row in rows})

    def _judge(self) -> None:
        report, rows = self.report, self._rows("TRUE")
        report.accepted = len(self._accepted)
        for (_, status), count in rows.items():
            report.rows[status] += count
        by_user = Counter(self._accepted.values())
        for user, accepted in sorted(by_user.items()):
            name = self._user(user)
            kept = sum(count for (owner, _), count in rows.items() if owner == name)
            if kept < accepted:
                report.lost.append(f"{name}: {accepted} accepted, {kept} rows")
            expected = "failed" if user in FAILING else "sent"
            if rows[name, expected] < accepted:
                report.lost.append(f"{name}: {rows[name, expected]} of {accepted} are {expected}")
        confirmed = Counter(c.mark for c in self._endpoints.calls if 200 <= c.status < 300)
        report.repeated = confirmed.total() - len(confirmed)
        missing = [m for m, u in self._accepted.items() if u not in FAILING and not confirmed[m]]
        report.lost += [f"push {mark} was never delivered" for mark in missing[:20]]
