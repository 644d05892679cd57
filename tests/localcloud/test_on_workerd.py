"""The local cloud on the real runtime: a small Worker, every binding, kills and restarts."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from localcloud.home import CloudHome
from localcloud.process_record import ProcessRecord
from tests.localcloud.running_cloud import until

pytestmark = pytest.mark.workerd

SDK = Path(__file__).parents[2] / "build" / "python_modules"
WORKER = """
import json
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        name = request.url.rsplit("/", 1)[1]
        if name == "send":
            await self.env.JOBS.send(json.dumps({"from": "fetch"}), contentType="text")
        elif name == "late":
            await self.env.JOBS.send("late", contentType="text", delaySeconds=600)
        elif name == "note":
            await self.env.CACHE.put("note", "kept")
        elif name == "clock":
            return Response(await (await self.env.TEST_CLOCK.fetch("http://clock/")).text())
        found = await self.env.DB.prepare("SELECT what FROM seen ORDER BY rowid").run()
        return Response(json.dumps({
            "version": self.env.CF_VERSION_METADATA.id,
            "tag": self.env.CF_VERSION_METADATA.tag,
            "note": await self.env.CACHE.get("note"),
            "secret": len(self.env.KEY),
            "seen": [row["what"] for row in found.results],
        }))

    async def insert(self, what):
        await self.env.DB.prepare("INSERT INTO seen VALUES (?)").bind(what).run()

    async def queue(self, batch, env=None, ctx=None):
        for message in batch.messages:
            await self.insert(f"{batch.queue}: {message.body}")
            message.ack()

    async def scheduled(self, controller, env=None, ctx=None):
        await self.insert(f"cron: {controller.cron}")
"""


class Deployed:
    """The cloud, its Worker, and calls of both."""

    def __init__(self, home: Path) -> None:
        self.home = CloudHome(home)
        self.cloud = LocalCloud(home, Ports(0, 0, 0))
        self.start()

    def start(self) -> None:
        """Start the cloud, again if need be."""
        self.endpoints = self.cloud.start()
        self.http = httpx.Client(
            base_url=f"{self.endpoints.control_url}/accounts/{self.endpoints.account_id}",
            headers={"Authorization": f"Bearer {self.endpoints.api_token}"},
            timeout=120,
            trust_env=False,
        )

    def result(self, method: str, path: str, body: Any = None) -> Any:
        """The result of a call that must succeed."""
        response = self.http.request(method, path, json=body)
        assert response.status_code == 200, response.text
        return response.json()["result"]

    def local(self, method: str, path: str, body: Any = None) -> Any:
        """A call of /local/…."""
        root = self.endpoints.control_url.removesuffix("/client/v4")
        return self.http.request(method, f"{root}/local{path}", json=body).json()

    def visit(self, name: str = "look") -> dict[str, Any]:
        """What the Worker answers at the edge."""
        url = f"{self.endpoints.service_url}/{name}"
        response = httpx.get(url, timeout=60, trust_env=False)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def seen(self) -> list[str]:
        """What the Worker wrote into its table."""
        body = {"sql": "SELECT what FROM seen ORDER BY rowid"}
        (found,) = self.result("POST", f"/d1/database/{self.database}/query", body)
        return [str(row["what"]) for row in found["results"]]

    def record(self) -> ProcessRecord:
        """Who runs the cloud."""
        found = ProcessRecord.read(self.home.record)
        assert found is not None
        return found

    def create(self, source: str, *, dead_letters: bool = False) -> None:
        """Stores, queues, Worker, version, deployment, consumer."""
        self.database = database = self.result("POST", "/d1/database", {"name": "db"})["uuid"]
        self.result(
            "POST", f"/d1/database/{database}/query", {"sql": "CREATE TABLE seen (what TEXT)"}
        )
        namespace = self.result("POST", "/storage/kv/namespaces", {"title": "kv"})["id"]
        queue = self.result("POST", "/queues", {"queue_name": "jobs"})["queue_id"]
        switch = {"enabled": True, "previews_enabled": True}
        worker = self.result("POST", "/workers/workers", {"name": "w", "subdomain": switch})["id"]
        self.versions = f"/workers/workers/{worker}/versions"
        self.bindings = [
            {"type": "d1", "name": "DB", "id": database},
            {"type": "kv_namespace", "name": "CACHE", "namespace_id": namespace},
            {"type": "queue", "name": "JOBS", "queue_name": "jobs"},
            {"type": "secret_text", "name": "KEY", "text": "0123456789"},
            {"type": "version_metadata", "name": "CF_VERSION_METADATA"},
            {"type": "service", "name": "TEST_CLOCK", "service": "local-clock"},
        ]
        self.version = self.result("POST", self.versions, self.upload(source))["id"]
        shares = [{"version_id": self.version, "percentage": 100}]
        body = {"strategy": "percentage", "versions": shares}
        self.result("POST", "/workers/scripts/w/deployments", body)
        settings = {"max_wait_time_ms": 0, "retry_delay": 1}
        consumer = {"type": "worker", "script_name": "w", "settings": settings}
        if dead_letters:
            self.result("POST", "/queues", {"queue_name": "letters"})
            consumer["dead_letter_queue"] = "letters"
        self.result("POST", f"/queues/{queue}/consumers", consumer)

    def upload(self, source: str) -> dict[str, Any]:
        """A version with this main module and the vendored SDK."""
        files = [path for path in sorted(SDK.rglob("*.py")) if path.is_file()]
        contents = {
            "entry.py": source.encode(),
            **{f"python_modules/{path.relative_to(SDK)}": path.read_bytes() for path in files},
        }
        return {
            "main_module": "entry.py",
            "compatibility_date": "2026-10-01",
            "compatibility_flags": ["python_workers"],
            "annotations": {"workers/tag": "first"},
            "bindings": self.bindings,
            "modules": [
                {
                    "name": name,
                    "content_type": "text/x-python",
                    "content_base64": base64.b64encode(content).decode(),
                }
                for name, content in contents.items()
            ],
        }


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """One cloud for all tests of this file, ended afterwards."""
    found = Deployed(tmp_path_factory.mktemp("cloud") / "home")
    try:
        found.create(WORKER)
        yield found
    finally:
        found.cloud.erase()


def test_a_worker_reaches_its_stores_its_secret_and_its_version(deployed: Deployed) -> None:
    answer = deployed.visit("note")
    assert answer["note"] == "kept"
    assert (answer["version"], answer["tag"], answer["secret"]) == (deployed.version, "first", 10)
    values = deployed.http.get("/storage/kv/namespaces").json()["result"]
    stored = deployed.http.get(f"/storage/kv/namespaces/{values[0]['id']}/values/note")
    assert stored.text == "kept"


def test_a_message_goes_through_the_queue_into_the_database(deployed: Deployed) -> None:
    deployed.visit("send")
    arrived = 'jobs: {"from": "fetch"}'
    until(lambda: arrived in deployed.visit()["seen"])
    until(lambda: deployed.local("GET", "/state")["messages"] == 0)


def test_a_trigger_runs_the_scheduled_handler(deployed: Deployed) -> None:
    deployed.result("PUT", "/workers/scripts/w/schedules", [{"cron": "0 * * * *"}])
    deployed.local("POST", "/clock", {"advance_ms": 3_600_000})
    until(lambda: "cron: 0 * * * *" in deployed.visit()["seen"])
    firings = deployed.local("GET", "/cron")["firings"]
    until(lambda: deployed.local("GET", "/cron")["firings"][0]["outcome"] == "ok")
    assert len(firings) == 1


def test_the_clock_binding_tells_the_virtual_time(deployed: Deployed) -> None:
    before = deployed.local("GET", "/clock")["now_ms"]
    deployed.local("POST", "/clock", {"advance_ms": 1_000})
    assert deployed.visit("clock")["now_ms"] >= before + 1_000


def test_a_worker_that_fails_at_start_up_is_refused_with_its_reason(deployed: Deployed) -> None:
    before = deployed.local("GET", "/state")["versions"]
    body = deployed.upload("import missing_module")
    response = deployed.http.post(deployed.versions, json=body)
    error = response.json()["errors"][0]
    assert (response.status_code, error["code"]) == (400, 10021)
    assert "missing_module" in error["message"]
    assert str(deployed.home.root) not in error["message"]
    assert deployed.local("GET", "/state")["versions"] == before
    assert deployed.visit()["version"] == deployed.version


def test_everything_is_there_after_a_restart(deployed: Deployed) -> None:
    before, state = deployed.visit(), deployed.local("GET", "/state")
    assert deployed.cloud.stop() is True
    deployed.start()
    assert deployed.visit() == before
    assert deployed.local("GET", "/state") == state


def test_a_sigkill_of_the_server_loses_no_message_and_no_row(deployed: Deployed) -> None:
    deployed.visit("late")
    before, record = deployed.visit(), deployed.record()
    os.kill(record.server.pid, signal.SIGKILL)
    deployed.start()
    assert deployed.record().server != record.server
    assert deployed.visit() == before
    deployed.local("POST", "/clock", {"advance_ms": 601_000})
    until(lambda: "jobs: late" in deployed.visit()["seen"])


def test_a_sigkill_of_the_runtime_is_mended_by_the_server(deployed: Deployed) -> None:
    before, record = deployed.visit(), deployed.record()
    assert record.host is not None
    os.kill(record.host.pid, signal.SIGKILL)
    until(lambda: deployed.record().host not in {record.host, None}, seconds=60)
    until(lambda: deployed.cloud.status()["state"] == "ready", seconds=60)
    assert deployed.visit() == before
    assert deployed.record().server == record.server
