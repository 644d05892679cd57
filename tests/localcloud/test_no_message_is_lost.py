"""Accepted messages arrive, whatever is killed while they are on their way."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
from pathlib import Path

import httpx
import psutil
import pytest

from tests.localcloud.running_cloud import until
from tests.localcloud.test_on_workerd import Deployed

pytestmark = pytest.mark.workerd

WORKER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        await self.env.JOBS.send(request.url.rsplit("/", 1)[1], contentType="text")
        return Response("accepted")

    async def queue(self, batch, env=None, ctx=None):
        for message in batch.messages:
            if message.body.startswith("bad"):
                message.retry()
                continue
            await self.env.DB.prepare("INSERT INTO seen VALUES (?)").bind(message.body).run()
            message.ack()
"""


class Sender(threading.Thread):
    """Sends through the edge until it is told to stop; remembers what was accepted."""

    def __init__(self, deployed: Deployed) -> None:
        super().__init__(daemon=True)
        self._deployed = deployed
        self._stopping = threading.Event()
        self.accepted: list[str] = []

    def run(self) -> None:
        """Every tenth message is one that its consumer always retries."""
        number = 0
        while not self._stopping.wait(0.01):
            number += 1
            name = f"bad-{number}" if number % 10 == 0 else f"good-{number}"
            try:
                url = f"{self._deployed.endpoints.service_url}/{name}"
                answer = httpx.get(url, timeout=30, trust_env=False)
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                self.accepted.append(name)

    def stop(self) -> None:
        """End after the message under way."""
        self._stopping.set()
        self.join(60)


def kill_something(deployed: Deployed, chance: random.Random) -> None:
    """SIGKILL the server, the host, or one of the runtime's processes, then see it serve again."""
    record = deployed.record()
    assert record.host is not None
    host = record.host.process()
    assert host is not None
    runtimes = [child.pid for child in host.children(recursive=True) if "workerd" in child.name()]
    victim = chance.choice([record.server.pid, record.host.pid, *runtimes, *runtimes])
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return
    if victim == record.server.pid:
        until(lambda: not psutil.pid_exists(victim) or record.server.process() is None)
    deployed.start()
    until(lambda: _serves(deployed), seconds=120)


def _serves(deployed: Deployed) -> bool:
    try:
        url = f"{deployed.endpoints.service_url}/probe"
        return httpx.get(url, timeout=30, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.soak
@pytest.mark.parametrize("kills", [50])
def test_no_accepted_message_is_lost_by_kills(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)  # noqa: S311  it chooses victims, the same ones each time
    deployed = Deployed(tmp_path / "home")
    try:
        deployed.create(WORKER, dead_letters=True)
        sender = Sender(deployed)
        sender.start()
        for _ in range(kills):
            before = len(sender.accepted)
            until(lambda: len(sender.accepted) >= before + 20, seconds=120)  # noqa: B023  same turn
            kill_something(deployed, chance)
        sender.stop()
        good = {name for name in sender.accepted if name.startswith("good")}
        bad = {name for name in sender.accepted if name.startswith("bad")}
        until(lambda: good <= set(deployed.seen()), seconds=120)
        until(lambda: bad <= dead_letters(deployed), seconds=120)
        assert len(good) + len(bad) >= 20 * kills
    finally:
        deployed.cloud.erase()


def dead_letters(deployed: Deployed) -> set[str]:
    """Bodies in the dead letter queue's table."""
    queues = deployed.result("GET", "/queues")
    (letters,) = (queue["queue_id"] for queue in queues if queue["queue_name"] == "letters")
    with sqlite3.connect(f"file:{deployed.home.broker_database}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT body FROM messages WHERE queue_id = ?", (letters,))
        return {bytes(body).decode() for (body,) in rows}
