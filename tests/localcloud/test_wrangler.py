"""An operator's whole life with Cloudflare's own command: each step of the table holds.

The steps build on each other, in their order. Those that aren't `short` run in the soak.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Endpoints, Ports
from tests.localcloud.running_cloud import until
from tests.localcloud.wrangler_client import Wrangler, wrangler_program

# The soak needs the short steps as well: the others build on them.
pytestmark = [pytest.mark.workerd, pytest.mark.judge]

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "local-cloud.md"

WORKER = """
import answer from "./answer.txt";

const note = (env, what) => env.DB.prepare("INSERT INTO seen VALUES (?)").bind(what).run();

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    console.log("asked for", pathname);
    if (pathname === "/send") await env.JOBS.send({ from: "fetch" });
    if (pathname === "/keep") await env.CACHE.put("kept", "by the Worker");
    const { results } = await env.DB.prepare("SELECT what FROM seen ORDER BY rowid").all();
    return Response.json({
      answer: answer.trim(),
      release: env.RELEASE,
      settings: env.SETTINGS,
      secrets: ["FIRST", "SECOND", "THIRD"].filter((name) => env[name] !== undefined),
      kept: await env.CACHE.get("kept"),
      seen: results.map(({ what }) => what),
    });
  },
  async queue(batch, env) {
    for (const message of batch.messages) {
      await note(env, `${batch.queue} ${JSON.stringify(message.body)}`);
      message.ack();
    }
  },
  scheduled: async (controller, env) => await note(env, `cron ${controller.cron}`),
};
"""

TAILED = """
export default {
  fetch() {
    console.log("a line of the log");
    return new Response("seen");
  },
};
"""


class Life:
    """The project folder, the command, and what earlier steps said."""

    def __init__(self, folder: Path, endpoints: Endpoints) -> None:
        self.folder = folder
        self.endpoints = endpoints
        self.wrangler = Wrangler(folder, endpoints)
        self.told: dict[str, str] = {}
        self.api = httpx.Client(
            base_url=f"{endpoints.control_url}/accounts/{endpoints.account_id}",
            headers={"Authorization": f"Bearer {endpoints.api_token}"},
            timeout=60,
            trust_env=False,
        )

    def write(self, name: str, content: str) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def result(self, path: str) -> Any:
        """What the API itself says."""
        return self.api.get(path).raise_for_status().json()["result"]

    def names(self, path: str, name: str) -> list[str]:
        """The names of a list, sorted."""
        return sorted(item[name] for item in self.result(path))

    def visit(self, path: str = "/", host: str = "shop.localhost") -> httpx.Response:
        """A request at the edge."""
        url = self.endpoints.service_url + path
        return httpx.get(url, headers={"Host": host}, timeout=60, trust_env=False)

    def local(self, method: str, path: str, body: Any = None) -> Any:
        """A call of /local/…."""
        root = self.endpoints.control_url.removesuffix("/client/v4")
        return self.api.request(method, f"{root}/local{path}", json=body).raise_for_status().json()

    def configure(self, **changes: Any) -> None:
        """Write the project's configuration."""
        document = {
            "name": "shop",
            "main": "src/index.js",
            "compatibility_date": "2026-10-01",
            "workers_dev": True,
            "preview_urls": True,
            "vars": {"RELEASE": "one", "SETTINGS": {"depth": {"of": None}}},
            "rules": [{"type": "Text", "globs": ["**/*.txt"]}],
            "assets": {"directory": "public"},
            "d1_databases": [
                {"binding": "DB", "database_name": "app", "database_id": self.told["app"]}
            ],
            "kv_namespaces": [{"binding": "CACHE", "id": self.told["cache"]}],
            "queues": {
                "producers": [{"binding": "JOBS", "queue": "jobs"}],
                "consumers": [
                    {"queue": "jobs", "max_batch_timeout": 0, "dead_letter_queue": "letters"}
                ],
            },
            "triggers": {"crons": ["0 * * * *"]},
            **changes,
        }
        self.write("wrangler.jsonc", json.dumps(document))


Check = Callable[[Life, str], None]


@dataclass(frozen=True)
class Step:
    """One command and what must come of it.

    Attributes:
        command: The arguments; `{name}` stands for what an earlier step told.
        says: A pattern that its output must have.
        keep: Patterns whose first group is kept under their names.
        check: What must hold afterwards, given the life and the output.
        before: What happens before.
        stdin: What the command reads.
        fails: Whether it must be refused.
        short: Whether the step is part of the short set.
    """

    command: str
    says: str = ""
    keep: dict[str, str] = field(default_factory=dict)
    check: Check = lambda _, __: None
    before: Callable[[Life], None] = lambda _: None
    stdin: str = ""
    fails: bool = False
    short: bool = False


def _prepare(life: Life) -> None:
    life.write("src/index.js", WORKER)
    life.write("src/answer.txt", "forty-two\n")
    life.write("public/hello.txt", "hello\n")
    life.write("schema.sql", "CREATE TABLE seen (what TEXT);\nINSERT INTO seen VALUES ('file');\n")


def _visited(**expected: Any) -> Check:
    def check(life: Life, _: str) -> None:
        until(lambda: life.visit().status_code == 200)
        found = life.visit().json()
        assert {name: found[name] for name in expected} == expected

    return check


def _names(path: str, name: str, *expected: str) -> Check:
    def check(life: Life, _: str) -> None:
        assert life.names(path, name) == sorted(expected)

    return check


def _deployed(life: Life, _: str) -> None:
    assert life.visit("/keep").json()["kept"] == "by the Worker"
    found = life.visit("/send").json()
    assert (found["answer"], found["release"]) == ("forty-two", "one")
    assert found["settings"] == {"depth": {"of": None}}
    arrived = 'jobs {"from":"fetch"}'
    until(lambda: arrived in life.visit().json()["seen"])
    assert life.visit("/hello.txt").text == "hello\n"
    life.local("POST", "/clock", {"advance_ms": 3_600_000})
    until(lambda: "cron 0 * * * *" in life.visit().json()["seen"])


def _split(life: Life, _: str) -> None:
    found = life.result("/workers/scripts/shop/deployments")["deployments"][0]["versions"]
    shares = {part["version_id"]: part["percentage"] for part in found}
    assert shares == {life.told["first"]: 25, life.told["second"]: 75}


def _serves(version: str) -> Check:
    def check(life: Life, _: str) -> None:
        found = life.result("/workers/scripts/shop/deployments")["deployments"][0]["versions"]
        assert [part["version_id"] for part in found] == [life.told[version]]

    return check


def _consumers(queue: str, *expected: str) -> Check:
    def check(life: Life, _: str) -> None:
        (found,) = (q for q in life.result("/queues") if q["queue_name"] == queue)
        assert [consumer["script"] for consumer in found["consumers"]] == list(expected)

    return check


def _paused(expected: bool) -> Check:
    def check(life: Life, _: str) -> None:
        (found,) = (q for q in life.result("/queues") if q["queue_name"] == "spare")
        assert found["settings"]["delivery_paused"] is expected

    return check


def _reconfigure(**changes: Any) -> Callable[[Life], None]:
    return lambda life: life.configure(**changes)


def _with_routes(life: Life) -> None:
    life.configure(
        routes=[
            {"pattern": "shop.example.test", "custom_domain": True},
            {"pattern": "example.test/api/*", "zone_name": "example.test"},
        ],
        triggers={"crons": ["5 4 * * *"]},
    )


def _routed(life: Life, _: str) -> None:
    for host, path in (("shop.example.test", "/"), ("example.test", "/api/x")):
        assert life.visit(path, host=host).status_code == 200
    (found,) = life.result("/workers/scripts/shop/schedules")["schedules"]
    assert found["cron"] == "5 4 * * *"


def _bulk(life: Life) -> None:
    pairs = [
        {"key": "one", "value": "1", "metadata": {"kind": "number"}},
        {"key": "two", "value": "Mg==", "base64": True},
    ]
    life.write("pairs.json", json.dumps(pairs))
    life.write("keys.json", json.dumps(["one", "two"]))


def _kept_metadata(life: Life, _: str) -> None:
    path = f"/storage/kv/namespaces/{life.told['cache']}"
    assert life.result(f"{path}/metadata/one") == {"kind": "number"}
    assert life.api.get(f"{path}/values/two").text == "2"


KV = "--namespace-id={cache} --remote"
STEPS = [
    Step("whoami", says="Local account", before=_prepare, short=True),
    Step("d1 create app", keep={"app": r'"database_id": "([0-9a-f-]{36})"'}, short=True),
    Step("d1 create other", says="Successfully created DB 'other'"),
    Step("d1 create app", fails=True, says="already exists"),
    Step("d1 list --json", says='"name": "app"'),
    Step("kv namespace create cache", keep={"cache": r'"id": "([0-9a-f]{32})"'}, short=True),
    Step("kv namespace create spare", keep={"spare": r'"id": "([0-9a-f]{32})"'}),
    Step("kv namespace list", says='"title": "cache"'),
    Step(
        "kv namespace rename --namespace-id={spare} --new-name=renamed",
        check=_names("/storage/kv/namespaces", "title", "cache", "renamed"),
    ),
    Step("queues create jobs", says="Created queue 'jobs'", short=True),
    Step("queues create letters", says="Created queue 'letters'", short=True),
    Step("queues create spare", says="Created queue 'spare'", short=True),
    Step("queues list", says="letters"),
    Step("queues info letters", says="Queue Name: letters"),
    Step("queues update spare --delivery-delay-secs=5", says="Updated queue"),
    Step("queues pause-delivery spare", check=_paused(True)),
    Step("queues resume-delivery spare", check=_paused(False)),
    Step("queues purge spare --force", says="Purged"),
    Step(
        "d1 execute app --remote --file=schema.sql --json",
        says=r'"success": true',
        before=lambda life: life.configure(),
        short=True,
    ),
    Step("d1 execute app --remote --command=SELECT~what~FROM~seen --json", says='"what": "file"'),
    Step(
        "d1 execute app --remote --command=SELECT~a~FROM~missing --json",
        fails=True,
        says="no such table",
    ),
    Step(
        "d1 migrations list app --remote",
        says="0001_more.sql",
        before=lambda life: life.write("migrations/0001_more.sql", "CREATE TABLE more (a TEXT);"),
    ),
    Step("d1 migrations apply app --remote", says="0001_more.sql"),
    Step("d1 migrations list app --remote", says="No migrations to apply"),
    Step("d1 info app --json", says='"num_tables": [1-9]'),
    Step("d1 insights app --sort-type=sum --sort-by=reads --json", says="SELECT what FROM seen"),
    Step(
        "d1 export app --remote --output=dump.sql",
        check=lambda life, _: _has(life.folder / "dump.sql", "CREATE TABLE seen"),
    ),
    Step("d1 time-travel info app --json", keep={"bookmark": r'"bookmark": "([^"]+)"'}),
    Step("d1 execute app --remote --command=DELETE~FROM~seen --json", says='"changes": 1'),
    Step(
        "d1 time-travel restore app --bookmark={bookmark} --json",
        check=lambda life, _: _has_rows(life, 1),
    ),
    Step("d1 delete other -y", check=_names("/d1/database", "name", "app")),
    Step('kv key put greeting hello --metadata={{"a":1}} ' + KV, says="Writing the value"),
    Step("kv key get greeting --text " + KV, says="hello"),
    Step("kv key list " + KV, says='"a": 1'),
    Step("kv key put short-lived x --ttl=60 " + KV, says="Writing the value"),
    Step("kv key put short-lived x --ttl=59 " + KV, fails=True, says="at least 60"),
    Step("kv key delete greeting " + KV, says="Deleting the key"),
    Step("kv key get greeting --text " + KV, fails=True, says="404"),
    Step("kv bulk put pairs.json " + KV, before=_bulk, check=_kept_metadata),
    Step("kv bulk get keys.json " + KV, says='"one"'),
    Step(
        "kv bulk delete keys.json --force " + KV,
        check=lambda life, _: _no_keys(life),
    ),
    Step(
        "kv namespace delete --namespace-id={spare} --skip-confirmation",
        check=_names("/storage/kv/namespaces", "title", "cache"),
    ),
    Step("deploy --dry-run", says="--dry-run: exiting"),
    Step(
        "deploy --message=first --tag=v1",
        says="Consumer for jobs",
        keep={"first": "Current Version ID: ([0-9a-f-]{36})"},
        check=_deployed,
        short=True,
    ),
    Step("secret put FIRST", stdin="a", check=_visited(secrets=["FIRST"]), short=True),
    Step("secret list", says='"FIRST"', short=True),
    Step(
        "secret bulk",
        stdin='{"SECOND": "b", "THIRD": "c"}',
        check=_visited(secrets=["FIRST", "SECOND", "THIRD"]),
    ),
    Step("secret delete SECOND", check=_visited(secrets=["FIRST", "THIRD"])),
    Step("secret delete SECOND", fails=True, says="not found"),
    Step(
        "versions upload --tag=v2 --message=second",
        keep={"second": "Worker Version ID: ([0-9a-f-]{36})"},
        before=_reconfigure(vars={"RELEASE": "two", "SETTINGS": {}}),
        check=_visited(release="one"),
        short=True,
    ),
    Step("secret put LATE", stdin="x", fails=True, says="latest version"),
    Step("versions list --json", says='"workers/tag": "v2"'),
    Step("versions view {second}", says="RELEASE"),
    Step(
        "versions deploy {second}@100 -y",
        check=_visited(release="two"),
        short=True,
    ),
    Step("versions deploy {first}@25 {second}@75 -y", check=_split),
    Step("deployments list", says="25%"),
    Step("deployments status --json", says=r'"percentage": \d+', short=True),
    Step("versions secret put FOURTH --message=fourth", stdin="d", says="Success"),
    Step("versions secret list", says="Secret Name: FIRST"),
    Step("rollback {first} -y", check=_serves("first"), short=True),
    Step("versions deploy {second} -y", check=_serves("second")),
    Step("triggers deploy", before=_with_routes, check=_routed),
    Step("queues consumer remove jobs shop", check=_consumers("jobs")),
    Step(
        "queues consumer add jobs shop --batch-size=7 --message-retries=2",
        check=_consumers("jobs", "shop"),
    ),
    Step("queues consumer list jobs", says="shop"),
    Step("queues delete jobs", fails=True, says="consume", short=True),
    Step(
        "queues delete spare",
        check=_names("/queues", "queue_name", "jobs", "letters"),
        short=True,
    ),
    Step("queues delete nothing", fails=True, says="does not exist", short=True),
    Step("r2 bucket create box", says="Created bucket 'box'"),
    Step("r2 bucket list", says="box"),
    Step(
        "r2 object put box/deep/key --file=schema.sql --remote",
        says="Upload complete",
    ),
    Step(
        "r2 object get box/deep/key --file=back.sql --remote",
        check=lambda life, _: _has(life.folder / "back.sql", "CREATE TABLE seen"),
    ),
    Step("r2 object delete box/deep/key --remote", says="Delete complete"),
    Step("r2 bucket delete box", says="Deleted bucket"),
    Step("delete --name=shop --force", says="Successfully deleted", short=True),
    Step("deployments status", fails=True, says="does not exist"),
    Step("queues delete jobs", check=_names("/queues", "queue_name", "letters"), short=True),
    Step("queues delete letters", check=_names("/queues", "queue_name"), short=True),
    Step(
        "kv namespace delete --namespace-id={cache} --skip-confirmation",
        check=_names("/storage/kv/namespaces", "title"),
        short=True,
    ),
    Step("d1 delete app -y", check=_names("/d1/database", "name"), short=True),
]


def _has(path: Path, text: str) -> None:
    assert text in path.read_text(encoding="utf-8")


def _has_rows(life: Life, count: int) -> None:
    body = {"sql": "SELECT count(*) AS n FROM seen"}
    answer = life.api.post(f"/d1/database/{life.told['app']}/query", json=body).json()
    assert answer["result"][0]["results"] == [{"n": count}]


def _no_keys(life: Life) -> None:
    keys = life.names(f"/storage/kv/namespaces/{life.told['cache']}/keys", "name")
    assert keys == ["short-lived"]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """One local cloud and one project for all steps."""
    root = tmp_path_factory.mktemp("wrangler")
    cloud = LocalCloud(root / "home", Ports(0, 0, 0))
    try:
        (root / "project").mkdir()
        yield Life(root / "project", cloud.start())
    finally:
        cloud.erase()


def test_the_lines_of_the_documentation_hold_in_an_empty_folder(tmp_path: Path) -> None:
    """As they stand there, with other ports and another home."""
    block = re.search(r"```sh\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    ports = {name: str(_free_port()) for name in ("CONTROL", "EDGE", "SINK")}
    lines = block[1]
    for written, here in (
        ("/path/to/notification-system", str(DOCUMENTATION.parents[1])),
        ("npx wrangler@4.86.0", f"node {wrangler_program()}"),
        ("8787", ports["CONTROL"]),
        ("8788", ports["EDGE"]),
    ):
        assert written in lines
        lines = lines.replace(written, here)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "WRANGLER_SEND_METRICS": "false",
        **{f"NOTIFICATION_LOCAL_{name}_PORT": port for name, port in ports.items()},
    }
    try:
        done = subprocess.run(
            ["bash", "-eu", "-c", lines],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.endswith("hello")
    finally:
        LocalCloud(tmp_path / "my-cloud", Ports(0, 0, 0)).erase()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_tail_shows_what_a_worker_logs(life: Life) -> None:
    """Before the steps, since they leave nothing behind."""
    life.write("tailed.js", TAILED)
    deploying = ("deploy", "tailed.js", "--name=tailed", "--compatibility-date=2026-10-01")
    done = life.wrangler.run(*deploying)
    assert done.returncode == 0, done.stdout + done.stderr
    tail = life.wrangler.start("tail", "tailed", "--format=json")
    try:
        until(lambda: life.result("/workers/scripts/tailed/tails"), seconds=60)
        until(lambda: life.visit("/", host="tailed.localhost").text == "seen" and _shown(life))
        assert tail.stdout is not None
        lines = ""
        while '"a line of the log"' not in lines:
            line = tail.stdout.readline()
            assert line, lines
            lines += line
    finally:
        tail.terminate()
        tail.wait(30)
    assert life.wrangler.run("delete", "--name=tailed", "--force").returncode == 0


def _shown(life: Life) -> bool:
    """Whether the log has reached the host, so that the tail was told of it."""
    logs = life.local("GET", "/logs?limit=500")["logs"]
    return sum("a line of the log" in json.dumps(line) for line in logs) > 1


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(
            step,
            id=f"{number:02d} {step.command[:60]}",
            marks=() if step.short else pytest.mark.soak,
        )
        for number, step in enumerate(STEPS)
    ],
)
def test_the_step_does_what_it_does_at_cloudflare(life: Life, step: Step) -> None:
    step.before(life)
    arguments = [part.replace("~", " ") for part in step.command.format_map(life.told).split(" ")]
    done = life.wrangler.run(*arguments, stdin=step.stdin)
    output = done.stdout + done.stderr
    assert (done.returncode != 0) is step.fails, output
    assert re.search(step.says, output), output
    for name, pattern in step.keep.items():
        found = re.search(pattern, output)
        assert found, output
        life.told[name] = found[1]
    step.check(life, output)
