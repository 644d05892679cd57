"""One invocation of a Worker on the runtime: what a tail tells of it, and what it may ask for.

Sources: developers.cloudflare.com/workers/platform/limits ("Subrequests"),
/workers/observability/logs/real-time-logs and the changelog of 2025-04-07 (256 KB of a log).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from localcloud.plan import FREE_CRONS, PLAN_VARIABLE

pytestmark = pytest.mark.workerd

SCRIPT = """
const text = (found) => new Response(JSON.stringify(found));

async function repeated(count, call) {
  for (let done = 0; done < count; done += 1) {
    try { await call(); } catch (error) { return text([done, error.message]); }
  }
  return text([count, null]);
}

export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    const count = Number(searchParams.get("count"));
    switch (pathname) {
      case "/fetch": return await repeated(count, () => fetch(env.ELSEWHERE));
      case "/kv": return await repeated(count, () => env.KV.get("k"));
      case "/d1": return await repeated(count, () => env.DB.prepare("SELECT 1").all());
      case "/queue": return await repeated(count, () => env.QUEUE.send(1));
      case "/batch":
        return text(await env.DB.batch(Array(count).fill(env.DB.prepare("SELECT 1 AS one"))));
      case "/throw": throw new TypeError("boom");
      case "/long":
        for (let line = 0; line < 300; line += 1) console.log("x".repeat(1000));
        return new Response();
    }
    console.warn("seen", { pathname });
    ctx.waitUntil(Promise.resolve().then(() => console.log("later")));
    return new Response("", { status: 201 });
  },
  queue(batch) { console.log("a batch"); },
  scheduled() { console.log("a firing"); },
};
"""
MORE = "To configure this limit, refer to https://developers.cloudflare.com/workers/wrangler/configuration/#limits"
EXTERNAL = f"Too many subrequests by single Worker invocation. {MORE}"
INTERNAL = f"Too many API requests by single Worker invocation. {MORE}"


class Cloud:
    """A running cloud with the Worker above, which uses one store of each kind."""

    def __init__(self, home: Path) -> None:
        self.daemon = LocalCloud(home, Ports(0, 0, 0))
        self.endpoints = self.daemon.start()
        self.http = httpx.Client(
            base_url=f"{self.endpoints.control_url}/accounts/{self.endpoints.account_id}",
            headers={"Authorization": f"Bearer {self.endpoints.api_token}"},
            timeout=120,
            trust_env=False,
        )
        database = self.made("POST", "/d1/database", json={"name": "d"})["uuid"]
        namespace = self.made("POST", "/storage/kv/namespaces", json={"title": "k"})["id"]
        queue = self.made("POST", "/queues", json={"queue_name": "q"})["queue_id"]
        self.bindings = [
            {"type": "d1", "name": "DB", "id": database},
            {"type": "kv_namespace", "name": "KV", "namespace_id": namespace},
            {"type": "queue", "name": "QUEUE", "queue_name": "q"},
            {
                "type": "plain_text",
                "name": "ELSEWHERE",
                "text": f"{self.endpoints.sink_url}/hook/x",
            },
        ]
        answer = self.upload(SCRIPT)
        assert answer.status_code == 200, answer.text
        consumer = {"type": "worker", "script_name": "asked", "settings": {"max_wait_time_ms": 0}}
        self.made("POST", f"/queues/{queue}/consumers", json=consumer)

    def made(self, method: str, path: str, **options: Any) -> Any:
        """Make a call that must succeed; return its result."""
        answer = self.http.request(method, path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def upload(self, source: str, name: str = "asked", **metadata: Any) -> httpx.Response:
        """Upload a script of one module with every binding."""
        document = {
            "main_module": "index.js",
            "compatibility_date": "2026-10-01",
            "bindings": self.bindings,
            **metadata,
        }
        files: dict[str, Any] = {
            "metadata": (None, json.dumps(document)),
            "index.js": ("index.js", source, "application/javascript+module"),
        }
        answer = self.http.put(f"/workers/scripts/{name}", files=files)
        if answer.status_code == 200:
            switch = {"enabled": True, "previews_enabled": True}
            self.made("POST", f"/workers/scripts/{name}/subdomain", json=switch)
        return answer

    def get(self, target: str, name: str = "asked") -> httpx.Response:
        """Ask the Worker."""
        host = {"Host": f"{name}.localhost"}
        url = f"{self.endpoints.service_url}{target}"
        return httpx.get(url, headers=host, timeout=120, trust_env=False)

    def tail(self) -> ClientConnection:
        """Watch the Worker."""
        url = self.made("POST", "/workers/scripts/asked/tails", json={"filters": []})["url"]
        return connect(url, subprotocols=[Subprotocol("trace-v1")], proxy=None)


def trace_of(socket: ClientConnection) -> Any:
    """The next invocation that a tail tells of."""
    return json.loads(socket.recv(30))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud on the Paid plan."""
    started = Cloud(tmp_path_factory.mktemp("invocations") / "home")
    try:
        yield started
    finally:
        started.daemon.erase()


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud on the Free plan."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PLAN_VARIABLE, "free")
        started = Cloud(tmp_path_factory.mktemp("free") / "home")
    try:
        yield started
    finally:
        started.daemon.erase()


def test_a_tail_tells_request_answer_and_lines_of_an_invocation(cloud: Cloud) -> None:
    with cloud.tail() as socket:
        assert cloud.get("/here?a=1").status_code == 201
        trace = trace_of(socket)
    assert (trace["scriptName"], trace["outcome"], trace["exceptions"]) == ("asked", "ok", [])
    assert trace["event"]["response"] == {"status": 201}
    request = trace["event"]["request"]
    assert (request["method"], request["url"]) == ("GET", "http://asked.localhost/here?a=1")
    assert request["headers"]["cf-connecting-ip"] == "127.0.0.1"
    assert [(line["level"], line["message"]) for line in trace["logs"]] == [
        ("warn", ["seen", {"pathname": "/here"}]),
        ("log", ["later"]),
    ]


def test_a_tail_tells_an_exception(cloud: Cloud) -> None:
    with cloud.tail() as socket:
        assert cloud.get("/throw").status_code == 500
        trace = trace_of(socket)
    assert trace["outcome"] == "exception"
    (exception,) = trace["exceptions"]
    assert (exception["name"], exception["message"]) == ("TypeError", "boom")


def test_a_tail_tells_of_batches_and_firings(cloud: Cloud) -> None:
    with cloud.tail() as socket:
        cloud.get("/queue?count=1")
        found = [trace_of(socket), trace_of(socket)]
        batch = next(trace["event"] for trace in found if "queue" in trace["event"])
        assert batch == {"queue": "q", "batchSize": 1}
        crons = [{"cron": "* * * * *"}]
        cloud.made("PUT", "/workers/scripts/asked/schedules", json=crons)
        firing = {"script": "asked", "cron": "* * * * *"}
        root = cloud.endpoints.control_url.removesuffix("/client/v4")
        token = {"Authorization": f"Bearer {cloud.endpoints.api_token}"}
        httpx.post(f"{root}/local/cron/run", json=firing, headers=token, trust_env=False)
        fired = trace_of(socket)
    assert fired["event"]["cron"] == "* * * * *"
    assert fired["logs"][0]["message"] == ["a firing"]
    cloud.made("PUT", "/workers/scripts/asked/schedules", json=[])


def test_a_log_beyond_256_kilobytes_is_cut(cloud: Cloud) -> None:
    with cloud.tail() as socket:
        cloud.get("/long")
        trace = trace_of(socket)
    lines = [line["message"][0] for line in trace["logs"]]
    assert trace["truncated"] is True
    assert lines[-1].startswith("Log size limit exceeded: More than 256KB of data")
    assert 200 < len(lines) < 262


def test_a_worker_that_nobody_watches_any_more_is_told_nothing_of(cloud: Cloud) -> None:
    tail = cloud.made("POST", "/workers/scripts/asked/tails")
    cloud.made("DELETE", f"/workers/scripts/asked/tails/{tail['id']}")
    cloud.get("/unseen")
    with cloud.tail() as socket:
        cloud.get("/seen")
        assert trace_of(socket)["event"]["request"]["url"].endswith("/seen")


@pytest.mark.parametrize(
    ("target", "most", "said"),
    [
        ("/fetch", 50, EXTERNAL),
        ("/kv", 1000, INTERNAL),
        ("/d1", 1000, f"D1_ERROR: {INTERNAL}"),
    ],
)
def test_the_free_plan_refuses_a_subrequest_beyond_its_limit(
    free: Cloud, target: str, most: int, said: str
) -> None:
    assert free.get(f"{target}?count={most}").json() == [most, None]
    done, error = free.get(f"{target}?count={most + 1}").json()
    assert (done, error.removeprefix("D1_ERROR: ")) == (most, said.removeprefix("D1_ERROR: "))


def test_each_invocation_is_counted_by_itself(free: Cloud) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda count: free.get(f"/fetch?count={count}").json(), [40] * 8))
    assert found == [[40, None]] * 8


def test_a_batch_is_one_call_of_d1(free: Cloud) -> None:
    assert len(free.get("/batch?count=60").json()) == 60


def test_the_free_plan_takes_no_limits_and_few_cron_triggers(free: Cloud) -> None:
    refused = free.upload(SCRIPT, name="limited", limits={"cpu_ms": 50})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, 100328)
    crons = [{"cron": f"{minute} * * * *"} for minute in range(FREE_CRONS + 1)]
    path = "/workers/scripts/asked/schedules"
    free.made("PUT", path, json=crons[:-1])
    assert free.http.put(path, json=crons).status_code == 400


def test_a_worker_asks_for_another_limit_of_its_subrequests(cloud: Cloud) -> None:
    assert cloud.get("/fetch?count=60").json() == [60, None]
    assert cloud.upload(SCRIPT, name="limited", limits={"subrequests": 3}).status_code == 200
    for target in ("/fetch", "/kv", "/queue"):
        done, error = cloud.get(f"{target}?count=9", name="limited").json()
        assert (done, error) == (3, EXTERNAL if target == "/fetch" else INTERNAL)
    for wrong in (0, 10_000_001, "3", 1.5, True):
        assert cloud.upload(SCRIPT, name="wrong", limits={"subrequests": wrong}).status_code == 400
