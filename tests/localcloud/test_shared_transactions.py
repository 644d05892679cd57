"""Transactions that requests share, on workerd: settled by one another, cancelled, refused.

The Worker is the batches' own script with a main module of the test's own. It holds a transaction
back until the test lets it go, so that the order of things is known and not hoped for.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from tests.localcloud.running_cloud import until

pytestmark = pytest.mark.workerd

SCRIPT = Path(__file__).parents[2] / "worker/src/notification/cloudflare/d1_batches.js"
LEAD_AFTER = "LEAD_AFTER_MS = 250;"
PATIENT = "LEAD_AFTER_MS = 5_000;"  # so that a slow machine doesn't take it for a gone leader
MAIN = """
import { env, waitUntil } from "cloudflare:workers";
import { batch, prepare, use } from "./d1_batches.js";

const transactions = []; // how many statements each had
let asked = 0;
let released = Infinity; // so many transactions go on
let lose = false;
const DB = {
  prepare: (sql) => env.DB.prepare(sql),
  async batch(statements) {
    const mine = transactions.push(statements.length);
    while (mine > released) await scheduler.wait(5);
    const results = await env.DB.batch(statements);
    if (lose && statements.length > 1) throw new Error("D1_ERROR: Network connection lost.");
    return results;
  },
};
use({ DB });
let insert;

async function write(id) {
  insert ??= prepare("INSERT INTO rows VALUES (?1)", "DB");
  asked += 1;
  return await batch(`DB ${JSON.stringify([[insert, id]])}`);
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/state") return Response.json({ asked, transactions });
    if (pathname === "/hold") {
      released = 0;
      lose = false;
      asked = 0;
      transactions.length = 0;
      return new Response("{}");
    }
    if (pathname === "/release") {
      lose = searchParams.get("lose") === "1";
      released = Number(searchParams.get("count") ?? Infinity);
      return new Response("{}");
    }
    const written = write(searchParams.get("id"));
    // As the service holds its run, so that it goes on when its client hangs up.
    if (pathname === "/held") waitUntil(written);
    return new Response(await written);
  },
};
"""


class Rows:
    """A table of unique ids, and the Worker that writes into it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._endpoints = cloud.start()
        self._api = httpx.Client(
            base_url=f"{self._endpoints.control_url}/accounts/{self._endpoints.account_id}",
            headers={"Authorization": f"Bearer {self._endpoints.api_token}"},
            timeout=120,
            trust_env=False,
        )
        self._pool = ThreadPoolExecutor(32)
        self._database = self._result("POST", "/d1/database", {"name": "db"})["uuid"]
        self._query("CREATE TABLE rows (id TEXT NOT NULL UNIQUE)")
        switch = {"enabled": True, "previews_enabled": True}
        worker = self._result("POST", "/workers/workers", {"name": "w", "subdomain": switch})
        script = SCRIPT.read_text(encoding="utf-8")
        assert LEAD_AFTER in script
        script = script.replace(LEAD_AFTER, PATIENT)
        modules = {"main.js": MAIN.encode(), "d1_batches.js": script.encode()}
        version = {
            "main_module": "main.js",
            "compatibility_date": "2026-10-01",
            "bindings": [{"type": "d1", "name": "DB", "id": self._database}],
            "modules": [
                {
                    "name": name,
                    "content_type": "application/javascript+module",
                    "content_base64": base64.b64encode(content).decode(),
                }
                for name, content in modules.items()
            ],
        }
        made = self._result("POST", f"/workers/workers/{worker['id']}/versions", version)
        shares = [{"version_id": made["id"], "percentage": 100}]
        deployment = {"strategy": "percentage", "versions": shares}
        self._result("POST", "/workers/scripts/w/deployments", deployment)

    def _result(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._api.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def _query(self, sql: str, *values: str) -> Any:
        body = {"sql": sql, "params": list(values)}
        (found,) = self._result("POST", f"/d1/database/{self._database}/query", body)
        return found["results"]

    def ids(self, start: str) -> list[str]:
        """The ids in the table that start so."""
        rows = self._query("SELECT id FROM rows WHERE id LIKE ?1 ORDER BY id", f"{start}-%")
        return [row["id"] for row in rows]

    def transactions(self) -> list[int]:
        """How many statements each transaction has had since they were held back."""
        found: list[int] = self.visit("/state")["transactions"]
        return found

    def visit(self, path: str) -> Any:
        """What the Worker answers."""
        url = self._endpoints.service_url + path
        answer = httpx.get(url, headers={"Host": "w.localhost"}, timeout=60, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, row: str) -> Future[Any]:
        """Begin to write a row, in a request of its own."""
        return self._pool.submit(self.visit, f"/write?id={row}")

    def call(self, row: str, path: str = "/write") -> socket.socket:
        """Begin to write a row over a connection that can be closed, and wait until it began."""
        before = self.visit("/state")["asked"]
        edge = httpx.URL(self._endpoints.service_url)
        connection = socket.create_connection((edge.host, edge.port or 80))
        connection.sendall(f"GET {path}?id={row} HTTP/1.1\r\nHost: w.localhost\r\n\r\n".encode())
        until(lambda: self.visit("/state")["asked"] > before)
        return connection

    def hold(self) -> None:
        """Hold transactions back, and count from here."""
        self.visit("/hold")

    def release(self, count: int | None = None, *, lose: bool = False) -> None:
        """Let so many transactions go on, or all; ``lose`` loses the answers of shared ones."""
        self.visit(f"/release?lose={int(lose)}" + (f"&count={count}" if count else ""))

    def asked(self, count: int) -> None:
        """Wait until so many writes have been asked for."""
        until(lambda: self.visit("/state")["asked"] == count)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    """One cloud for all tests of this file, ended afterwards."""
    cloud = LocalCloud(tmp_path_factory.mktemp("cloud") / "home", Ports(0, 0, 0))
    try:
        yield Rows(cloud)
    finally:
        cloud.erase()


DONE = [[[], 1]]


def _shown(answer: Any) -> Any:
    return [each[:2] for each in answer] if isinstance(answer, list) else answer


def test_requests_share_a_transaction_that_one_of_them_makes(rows: Rows) -> None:
    rows.hold()
    first = rows.write("share-0")
    rows.asked(1)
    others = [rows.write(f"share-{n}") for n in range(1, 9)]
    rows.asked(9)
    rows.release()
    assert [_shown(each.result()) for each in [first, *others]] == [DONE] * 9
    assert rows.transactions() == [1, 8]
    assert rows.ids("share") == [f"share-{n}" for n in range(9)]


def test_a_refused_row_fails_alone(rows: Rows) -> None:
    assert _shown(rows.write("bad-taken").result()) == DONE
    rows.hold()
    first = rows.write("bad-first")
    rows.asked(1)
    others = [rows.write(row) for row in ("bad-b", "bad-taken", "bad-c")]
    rows.asked(4)
    rows.release()
    assert _shown(first.result()) == DONE
    b, taken, c = (_shown(each.result()) for each in others)
    assert (b, c) == (DONE, DONE)
    assert "UNIQUE constraint failed" in taken
    assert rows.transactions() == [1, 3, 1, 1, 1]
    assert rows.ids("bad") == ["bad-b", "bad-c", "bad-first", "bad-taken"]


def test_a_lost_answer_is_told_to_all_and_nothing_is_written_again(rows: Rows) -> None:
    rows.hold()
    first = rows.write("lost-a")
    rows.asked(1)
    others = [rows.write(row) for row in ("lost-b", "lost-c")]
    rows.asked(3)
    rows.release(lose=True)
    assert _shown(first.result()) == DONE
    assert ["Network connection lost" in each.result() for each in others] == [True, True]
    assert rows.transactions() == [1, 2]
    assert rows.ids("lost") == ["lost-a", "lost-b", "lost-c"]


@pytest.mark.parametrize("path", ["/write", "/held"])
def test_a_leader_whose_client_hangs_up_takes_nobody_with_it(rows: Rows, path: str) -> None:
    name = f"leader{path.removeprefix('/')}"
    rows.hold()
    rows.call(f"{name}-a", path).close()
    others = [rows.write(f"{name}-{row}") for row in "bc"]
    rows.asked(3)
    rows.release()
    assert [_shown(each.result()) for each in others] == [DONE, DONE]
    assert rows.ids(name) == [f"{name}-{row}" for row in "abc"]


@pytest.mark.parametrize("path", ["/write", "/held"])
def test_one_that_leads_a_shared_transaction_may_hang_up(rows: Rows, path: str) -> None:
    name = f"shared{path.removeprefix('/')}"
    rows.hold()
    answers = [rows.write(f"{name}-a")]
    rows.asked(1)
    answers.append(rows.write(f"{name}-b"))
    rows.asked(2)
    leader = rows.call(f"{name}-c", path)
    rows.release(1)
    until(lambda: rows.transactions() == [1, 2])
    leader.close()
    rows.release()
    assert [_shown(each.result()) for each in answers] == [DONE, DONE]
    assert rows.ids(name) == [f"{name}-{row}" for row in "abc"]


@pytest.mark.parametrize("gone", [1, 2, 3])
@pytest.mark.parametrize("path", ["/write", "/held"])
def test_one_that_hangs_up_while_it_waits_takes_nobody_with_it(
    rows: Rows, path: str, gone: int
) -> None:
    name = f"wait{gone}{path.removeprefix('/')}"
    rows.hold()
    answers = [rows.write(f"{name}-0")]
    rows.asked(1)
    for number in range(1, 4):
        if number == gone:
            rows.call(f"{name}-{number}", path).close()
        else:
            answers.append(rows.write(f"{name}-{number}"))
        rows.asked(number + 1)
    rows.release()
    assert [_shown(each.result()) for each in answers] == [DONE] * 3
    written = rows.ids(name)
    assert written == [f"{name}-{number}" for number in range(4)]
