"""Users over several databases on the real runtime: served, listed, moved, and moved back."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import psutil
import pytest

from notification.placement import shard_of
from notification.timestamps import from_iso
from tests.eventually import eventually
from tests.installation import Installation
from tests.promise.endpoint_server import EndpointServer
from tests.promise.real_installation import RealInstallation
from tests.timeline import Spell

pytestmark = pytest.mark.workerd
USERS = ("dan", "bob", "u3", "u1", "ann")
"""Users of all three databases; a fourth takes u1, and two leave neither dan nor ann in place."""
SETTLED_S = 12
"""Longer than an isolate keeps the record; no attempt of these tests lasts as long."""


class Spread:
    """An installation over several databases, with a user on each."""

    def __init__(self, folder: Path) -> None:
        self.installation = Installation(folder, settings={"shards": 3, "testClock": True})
        self.installation.environment["NOTIFICATION_LOCAL_SETTLED_S"] = str(SETTLED_S)

    def up(self, shards: int) -> None:
        """Deploy with as many databases."""
        self.installation.configure({"shards": shards, "testClock": True})
        self.installation.up()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The document that a call is answered with."""
        query = dict(parse_qsl(path.partition("?")[2]))
        with RealInstallation(self.installation).service() as service:
            answer = service.call(method, path.partition("?")[0], query=query, body=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def configure(self, user: str) -> None:
        url = f"{self.installation.sink_url}/hook/{user}"
        self.call(
            "PUT", f"/api/users/{user}/configs/webhook", {"config_data": {"webhook_url": url}}
        )

    def send(self, user: str, **more: Any) -> dict[str, Any]:
        """Send a text, which must be delivered at once."""
        body = {"user_id": user, "channels": ["webhook"], "custom_content": {"content": "Hi"}}
        result: dict[str, Any]
        [result] = self.call("POST", "/api/notifications/send", {**body, **more})["results"]
        assert result["status"] == "sent", result
        return result

    def status_of_send(self, user: str) -> int:
        """What one and the same send to a user is answered, which may not arrive twice."""
        body = {
            "user_id": user,
            "channels": ["webhook"],
            "custom_content": {"content": "Hi"},
            "idempotency_key": "asked",
        }
        with RealInstallation(self.installation).service() as service:
            return service.call("POST", "/api/notifications/send", body=body).status_code

    def record(self) -> Any:
        """Over how many databases the users are spread."""
        sql = "SELECT config_value FROM system_configs WHERE config_key = 'shards'"
        return json.loads(self.rows(sql)[0][0]["config_value"])

    def rows(self, sql: str) -> list[list[dict[str, Any]]]:
        """The rows of each database."""
        outputs = self.installation.outputs()
        account = outputs["account_id"]
        found = []
        for database in outputs["d1_databases"]:
            path = f"/client/v4/accounts/{account}/d1/database/{database['id']}/query"
            answer = self.installation.control("POST", path, json={"sql": sql})
            found.append(answer.raise_for_status().json()["result"][0]["results"])
        return found

    def homes(self, table: str) -> dict[str, list[int]]:
        """For each of `USERS` the databases with its rows; a deployment has a user of its own."""
        found: dict[str, list[int]] = {}
        for number, rows in enumerate(self.rows(f"SELECT DISTINCT user_id FROM {table}")):  # noqa: S608 - a constant
            for row in rows:
                if row["user_id"] in USERS:
                    found.setdefault(row["user_id"], []).append(number)
        return found


@pytest.fixture
def spread(tmp_path: Path) -> Iterator[Spread]:
    found = Spread(tmp_path / "spread")
    try:
        yield found
    finally:
        found.installation.close()


def test_users_of_several_databases_are_served_listed_and_moved(spread: Spread) -> None:
    spread.up(3)
    for user in USERS:
        spread.configure(user)
    spread.call(
        "POST",
        "/api/templates",
        {
            "template_key": "note",
            "template_name": "Note",
            "contents": {"webhook": {"content_template": "Note"}},
        },
    )
    expected: Counter[str] = Counter()

    def send_to_all(mark: str) -> None:
        for user in USERS:
            first = spread.send(user, idempotency_key=mark)
            again = spread.send(user, idempotency_key=mark)
            assert first["messageId"] == again["messageId"]
            spread.send(user, template_key="note", custom_content=None)
            expected[user] += 2
        body = {
            "user_ids": list(USERS),
            "channels": ["webhook"],
            "custom_content": {"content": "Hi"},
        }
        results = spread.call("POST", "/api/notifications/batch", body)["results"]
        assert [each["results"][0]["status"] for each in results] == ["sent"] * len(USERS)
        expected.update(USERS)

    def check(shards: int) -> None:
        home = {user: [shard_of(user, shards)] for user in USERS}
        assert spread.homes("user_configs") == spread.homes("notification_logs") == home
        assert {u: len(spread.installation.arrivals(f"/hook/{u}")) for u in USERS} == expected
        data = spread.call("GET", "/api/notification-logs?limit=1000")["data"]
        ids = [row["id"] for row in data["logs"]]
        assert ids == sorted(ids, reverse=True)
        assert data["total"] == len(ids) == len(set(ids))
        listed = Counter(row["user_id"] for row in data["logs"] if row["user_id"] in USERS)
        assert listed == expected
        assert spread.call("GET", "/health")["status"] == "healthy"
        assert spread.call("GET", "/metrics")["totalSent"] == len(ids)

    send_to_all("first")
    check(3)
    for number, shards in enumerate((4, 2, 1)):
        spread.up(shards)
        RealInstallation(spread.installation).advance(SETTLED_S)
        check(shards)
        for user in USERS:
            # The keys have moved as well.
            spread.send(user, idempotency_key="first")
        send_to_all(f"after {number}")
        check(shards)


def test_a_deployment_that_is_killed_while_users_move_is_simply_made_again(spread: Spread) -> None:
    spread.up(2)
    moving = [user for user in USERS if shard_of(user, 2) != shard_of(user, 3)]
    staying = [user for user in USERS if user not in moving]
    assert moving
    assert staying
    for user in USERS:
        spread.configure(user)
        spread.send(user, idempotency_key="once")

    spread.installation.configure({"shards": 3, "testClock": True})
    spread.installation.environment["NOTIFICATION_LOCAL_SETTLED_S"] = str(5 * SETTLED_S)
    deployment = spread.installation.start("up", "--stack", "local", "--json")
    try:
        # Their rows stand still: whoever asks for one is told to come again.
        while spread.status_of_send(moving[0]) != 503:
            assert deployment.poll() is None, deployment.communicate()
        assert spread.record() == {"n": 2, "moving_to": 3}
        for user in staying:
            spread.send(user, idempotency_key=f"during {user}")
    finally:
        whole = psutil.Process(deployment.pid)
        for process in (*whole.children(recursive=True), whole):
            process.kill()
        deployment.communicate()
    assert spread.record() == {"n": 2, "moving_to": 3}
    assert spread.homes("user_configs") == {user: [shard_of(user, 2)] for user in USERS}

    spread.installation.environment["NOTIFICATION_LOCAL_SETTLED_S"] = str(SETTLED_S)
    spread.installation.up()
    assert spread.record() == {"n": 3, "moving_to": None}
    for table in ("user_configs", "notification_logs", "idempotency_keys"):
        assert spread.homes(table) == {user: [shard_of(user, 3)] for user in USERS}
    eventually(
        lambda: spread.status_of_send(moving[0]) in (200, 201),
        what="an isolate with the new record",
    )
    for user in USERS:
        spread.send(user, idempotency_key="once")
        extra = 1 if user in staying or user == moving[0] else 0
        assert len(spread.installation.arrivals(f"/hook/{user}")) == 1 + extra
    check_one_line(spread)


def check_one_line(spread: Spread) -> None:
    """Users of three databases who share an endpoint wait in one line before it."""
    assert {shard_of(user, 3) for user in USERS} == {0, 1, 2}
    places: list[int] = []
    with EndpointServer(time.time) as server:
        server.plan("webhook", "shared", Spell(0, float("inf"), 429, retry_after="600"))
        config = {"config_data": {"webhook_url": server.url("webhook", "shared")}}
        for user in USERS:
            spread.call("PUT", f"/api/users/{user}/configs/webhook:shared", config)
            body = {
                "user_id": user,
                "channels": ["webhook:shared"],
                "custom_content": {"content": "Hi"},
            }
            [result] = spread.call("POST", "/api/notifications/send", body)["results"]
            places.append(from_iso(result["throttled_until"]))
        assert len(server.calls) == 1
    assert [place - places[0] for place in places] == [200 * n for n in range(len(USERS))]
