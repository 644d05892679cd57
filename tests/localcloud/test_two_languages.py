"""Any Worker of this kind: one in JavaScript, by wrangler, beside one in Python in one account.

They share a database and a namespace, and each consumes the other's messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from tests.localcloud.running_cloud import until
from tests.localcloud.wrangler_client import Wrangler

pytestmark = pytest.mark.workerd

SDK = Path(__file__).parents[2] / "build" / "python_modules"
PYTHON = """
import json
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def note(self, what):
        await self.env.DB.prepare("INSERT INTO seen VALUES (?)").bind(what).run()

    async def fetch(self, request):
        await self.env.TO_JS.send({"from": "python"})
        await self.env.CACHE.put("python", self.env.KEY)
        return Response(json.dumps([await self.env.CACHE.get("js"), self.env.KEY]))

    async def queue(self, batch, *_):
        for message in batch.messages:
            await self.note(f"python got {message.body.by}")
            message.ack()

    async def scheduled(self, controller, *_):
        await self.note(f"python cron {controller.cron}")
"""
JAVASCRIPT = """
const note = (env, what) => env.DB.prepare("INSERT INTO seen VALUES (?)").bind(what).run();

export default {
  async fetch(request, env) {
    await env.TO_PYTHON.send({ by: "js" });
    await env.CACHE.put("js", env.KEY);
    return Response.json([await env.CACHE.get("python"), env.KEY]);
  },
  async queue(batch, env) {
    for (const message of batch.messages) await note(env, `js got ${message.body.from}`);
  },
  scheduled: async (controller, env) => await note(env, `js cron ${controller.cron}`),
};
"""


class Account:
    """The API and the edge of one local cloud."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self.endpoints = cloud.start()
        self.wrangler = Wrangler(folder, self.endpoints)
        self._http = httpx.Client(
            base_url=f"{self.endpoints.control_url}/accounts/{self.endpoints.account_id}",
            headers={"Authorization": f"Bearer {self.endpoints.api_token}"},
            timeout=120,
            trust_env=False,
        )

    def result(self, method: str, path: str, **options: Any) -> Any:
        """The result of a call that must succeed."""
        answer = self._http.request(method, path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def visit(self, script: str, path: str = "/") -> httpx.Response:
        """A request to a Worker."""
        url = self.endpoints.service_url + path
        host = {"Host": f"{script}.localhost"}
        return httpx.get(url, headers=host, timeout=60, trust_env=False)

    def an_hour_passes(self) -> None:
        """Move the clock, so that hourly cron triggers fire."""
        root = self.endpoints.control_url.removesuffix("/client/v4")
        body = {"advance_ms": 3_600_000}
        self._http.post(f"{root}/local/clock", json=body).raise_for_status()


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """A local cloud of its own, with the folder of a project."""
    cloud = LocalCloud(tmp_path / "home", Ports(0, 0, 0))
    try:
        (tmp_path / "project" / "public").mkdir(parents=True)
        yield Account(cloud, tmp_path / "project")
    finally:
        cloud.erase()


def _deploy_python(account: Account, database: str, namespace: str) -> None:
    bindings = [
        {"type": "d1", "name": "DB", "database_id": database},
        {"type": "kv_namespace", "name": "CACHE", "namespace_id": namespace},
        {"type": "queue", "name": "TO_JS", "queue_name": "to-js"},
        {"type": "secret_text", "name": "KEY", "text": "secret of python"},
    ]
    metadata = {
        "main_module": "entry.py",
        "compatibility_date": "2026-10-01",
        "compatibility_flags": ["python_workers"],
        "bindings": bindings,
    }
    files: dict[str, Any] = {
        "metadata": (None, json.dumps(metadata)),
        "entry.py": ("entry.py", PYTHON, "text/x-python"),
    }
    for path in sorted(SDK.rglob("*.py")):
        name = f"python_modules/{path.relative_to(SDK)}"
        files[name] = (name, path.read_bytes(), "text/x-python")
    script = "/workers/scripts/in-python"
    account.result("PUT", script, files=files)
    account.result("POST", f"{script}/subdomain", json={"enabled": True})
    account.result("PUT", f"{script}/schedules", json=[{"cron": "0 * * * *"}])
    (queue,) = (q for q in account.result("GET", "/queues") if q["queue_name"] == "to-python")
    consumer = {"type": "worker", "script_name": "in-python", "settings": {"max_wait_time_ms": 0}}
    account.result("POST", f"/queues/{queue['queue_id']}/consumers", json=consumer)


def _deploy_javascript(account: Account, database: str, namespace: str) -> None:
    folder = account.wrangler.folder
    (folder / "index.js").write_text(JAVASCRIPT, encoding="utf-8")
    (folder / "public" / "page.txt").write_text("a page\n", encoding="utf-8")
    configuration = {
        "name": "in-js",
        "main": "index.js",
        "compatibility_date": "2026-10-01",
        "workers_dev": True,
        "assets": {"directory": "public"},
        "d1_databases": [{"binding": "DB", "database_name": "app", "database_id": database}],
        "kv_namespaces": [{"binding": "CACHE", "id": namespace}],
        "queues": {
            "producers": [{"binding": "TO_PYTHON", "queue": "to-python"}],
            "consumers": [{"queue": "to-js", "max_batch_timeout": 0}],
        },
        "triggers": {"crons": ["30 * * * *"]},
    }
    (folder / "wrangler.jsonc").write_text(json.dumps(configuration), encoding="utf-8")
    for arguments, stdin in ((("deploy",), ""), (("secret", "put", "KEY"), "secret of js")):
        done = account.wrangler.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_javascript_worker_runs_beside_a_python_one_in_one_account(account: Account) -> None:
    database = account.result("POST", "/d1/database", json={"name": "app"})["uuid"]
    namespace = account.result("POST", "/storage/kv/namespaces", json={"title": "cache"})["id"]
    for name in ("to-js", "to-python"):
        account.result("POST", "/queues", json={"queue_name": name})
    query = f"/d1/database/{database}/query"
    account.result("POST", query, json={"sql": "CREATE TABLE seen (what TEXT)"})
    _deploy_python(account, database, namespace)
    _deploy_javascript(account, database, namespace)

    assert account.visit("in-python").json() == [None, "secret of python"]
    until(lambda: account.visit("in-js").json() == ["secret of python", "secret of js"])
    assert account.visit("in-python").json()[0] == "secret of js"
    assert account.visit("in-js", "/page.txt").text == "a page\n"
    account.an_hour_passes()

    def seen() -> set[str]:
        (answer,) = account.result("POST", query, json={"sql": "SELECT DISTINCT what FROM seen"})
        return {row["what"] for row in answer["results"]}

    wanted = {"js got python", "python got js", "js cron 30 * * * *", "python cron 0 * * * *"}
    until(lambda: seen() == wanted, seconds=60)
