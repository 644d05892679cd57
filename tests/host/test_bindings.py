from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from tests.eventually import eventually
from tests.host.recording_server import RecordingServer
from tests.host.running_host import D1_ID, KV_ID, RunningHost, message

pytestmark = pytest.mark.workerd
QUERY = f"/d1/{D1_ID}/query"


@pytest.fixture(autouse=True)
def empty_table(host: RunningHost) -> None:
    """Begin with an empty table `seen`."""
    sql = ["CREATE TABLE IF NOT EXISTS seen (what TEXT)", "DELETE FROM seen"]
    assert host.call("POST", QUERY, [{"sql": statement} for statement in sql]).status == 200


def rows(host: RunningHost) -> list[str]:
    answer = host.call("POST", QUERY, {"sql": "SELECT what FROM seen ORDER BY rowid"})
    return [row["what"] for row in answer.body["results"][0]["results"]]


def test_worker_and_control_plane_see_the_same_database(host: RunningHost) -> None:
    host.get("/insert?what=from-the-worker")
    insert = {"sql": "INSERT INTO seen VALUES (?)", "params": ["from-outside"]}
    [result] = host.call("POST", QUERY, insert).body["results"]
    assert result["success"] is True
    assert (result["meta"]["changes"], result["meta"]["rows_written"]) == (1, 1)
    assert host.get("/rows") == rows(host) == ["from-the-worker", "from-outside"]


def test_a_list_of_statements_is_one_transaction(host: RunningHost) -> None:
    sql = ["INSERT INTO seen VALUES ('kept?')", "INSERT INTO absent VALUES (1)"]
    statements = [{"sql": statement} for statement in sql]
    refused = host.call("POST", QUERY, statements)
    assert (refused.status, refused.code) == (400, "sql_error")
    assert "no such table: absent" in refused.message
    assert rows(host) == []


def test_rows_come_as_columns_where_asked(host: RunningHost) -> None:
    statement = {"sql": "SELECT 1 AS a, 'x' AS b"}
    answer = host.call("POST", f"{QUERY}?resultsFormat=ROWS_AND_COLUMNS", statement)
    assert answer.body["results"][0]["results"] == {"columns": ["a", "b"], "rows": [[1, "x"]]}


def test_worker_and_control_plane_see_the_same_namespace(host: RunningHost) -> None:
    path = f"/kv/{KV_ID}/values/"
    assert host.get("/remember?key=a/b%20c&value=from-the-worker") == "from-the-worker"
    assert host.raw("GET", f"{path}a%2Fb%20c").content == b"from-the-worker"
    assert host.raw("PUT", f"{path}raw?expiration_ttl=600", b"\x00\xff").status_code == 200
    assert host.raw("GET", f"{path}raw").content == b"\x00\xff"
    keys = host.call("GET", f"/kv/{KV_ID}/keys?prefix=r").body["keys"]
    assert [key["name"] for key in keys] == ["raw"]
    assert keys[0]["expiration"] > 0
    assert host.raw("DELETE", f"{path}raw").status_code == 200
    assert host.raw("GET", f"{path}raw").status_code == 404


def test_keys_come_in_pages(host: RunningHost) -> None:
    for name in ("page-1", "page-2", "page-3"):
        host.raw("PUT", f"/kv/{KV_ID}/values/{name}", b"x")
    path = f"/kv/{KV_ID}/keys?prefix=page-&limit=2"
    first = host.call("GET", path).body
    rest = host.call("GET", f"{path}&cursor={first['cursor']}").body
    found = [key["name"] for page in (first, rest) for key in page["keys"]]
    assert found == ["page-1", "page-2", "page-3"]
    assert (first["list_complete"], rest["list_complete"]) == (False, True)


def test_an_erased_store_is_gone_with_its_data(host: RunningHost) -> None:
    other = "33333333-3333-4333-8333-333333333333"
    both = {"d1": [D1_ID, other], "kv": [KV_ID]}
    host.call("PUT", "/stores", both)
    create = [{"sql": "CREATE TABLE kept (a)"}, {"sql": "INSERT INTO kept VALUES (1)"}]
    assert host.call("POST", f"/d1/{other}/query", create).status == 200
    files = set((host.state / "store").rglob("*.sqlite"))
    assert host.call("DELETE", f"/stores/d1/{other}").status == 200
    assert len(files - set((host.state / "store").rglob("*.sqlite"))) == 1
    assert host.call("POST", f"/d1/{other}/query", {"sql": "SELECT 1"}).code == "store_not_found"
    assert host.call("DELETE", f"/stores/d1/{other}").status == 404


def test_the_queue_binding_posts_to_the_broker_as_this_queue(
    host: RunningHost, outside: RecordingServer
) -> None:
    outside.received.clear()
    assert host.get("/send?what=later") == "sent"
    [request] = outside.received
    assert request.path == "/message"
    assert json.loads(request.body) == {"what": "later"}
    assert request.headers["x-queue-id"] == "queue-id"
    assert request.headers["authorization"] == "Bearer broker-token"
    assert request.headers["x-msg-fmt"] == "json"


def test_a_batch_comes_back_with_what_the_handler_decided(host: RunningHost) -> None:
    batch = {"queue": "retries", "messages": [message("a", {"n": 1}), message("b", {"n": 2})]}
    decided = host.call("POST", "/versions/v-1/queue", batch)
    assert decided.status == 200
    assert decided.body["outcome"] == "ok"
    assert decided.body["explicitAcks"] == ["a"]
    assert decided.body["retryMessages"] == [{"msgId": "b", "delaySeconds": 7}]
    assert [json.loads(row) for row in rows(host)] == [
        [["retries", "a", {"n": 1}, 1], ["retries", "b", {"n": 2}, 1]]
    ]


def test_a_handler_that_raises_is_told_as_an_exception(host: RunningHost) -> None:
    messages = [message(name, name) for name in ("a", "b", "c")]
    decided = host.call("POST", "/versions/v-1/queue", {"queue": "retries", "messages": messages})
    assert decided.body["outcome"] == "exception"
    assert decided.body["explicitAcks"] == ["a"]

    def told() -> bool:
        errors = [e for e in host.events() if e["type"] == "log" and e["level"] == "error"]
        return any(e["message"] == "queue() ended: exception" for e in errors)

    eventually(told, what="the line about the exception")


def test_a_cron_firing_reaches_the_handler(host: RunningHost) -> None:
    event = {"cron": "*/5 * * * *", "scheduledTimeMs": 1_700_000_000_000}
    assert host.call("POST", "/versions/v-1/scheduled", event).body["outcome"] == "ok"
    assert rows(host) == ["*/5 * * * * 1700000000000"]


def test_a_point_reaches_its_data_set_with_texts_and_numbers(host: RunningHost) -> None:
    assert host.get("/measure?route=/größe") == "measured"

    def points() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = host.raw("GET", "/analytics").json()["points"]
        return found

    eventually(lambda: len(points()) == 1, what="the point in the sink")
    [point] = points()
    assert (point["dataset"], point["index"]) == ("calls", "/größe")
    assert point["blobs"][:2] == ["/größe", "GET"]
    assert point["doubles"][:2] == [1, 2.5]
    assert abs(point["at"] / 1000 - time.time()) < 600


def test_the_clock_service_tells_the_real_time_and_what_it_was_moved_by(host: RunningHost) -> None:
    day_ms = 24 * 3600 * 1000
    for offset_ms in (0, 400 * day_ms):
        assert host.call("PUT", "/clock", {"offset_ms": offset_ms}).status == 200
        before = time.time_ns() // 1_000_000
        told = host.get("/clock")["now_ms"] - offset_ms
        assert before - 1 <= told <= time.time_ns() // 1_000_000 + 1


def test_a_restarted_version_knows_how_far_the_clock_was_moved(host: RunningHost) -> None:
    offset_ms = 400 * 24 * 3600 * 1000
    assert host.call("PUT", "/clock", {"offset_ms": offset_ms}).status == 200
    before = time.time_ns() // 1_000_000
    killed = host.versions()["v-1"]["pid"]
    os.kill(killed, signal.SIGKILL)

    def back() -> bool:
        version = host.versions()["v-1"]
        return bool(version["pid"] != killed and version["state"] == "ready")

    eventually(back, what="the version, again")
    assert host.get("/clock")["now_ms"] >= before + offset_ms


@pytest.mark.parametrize("offset_ms", [None, 1.5, "1", 2**60])
def test_a_clock_is_moved_by_whole_milliseconds_alone(host: RunningHost, offset_ms: object) -> None:
    answer = host.call("PUT", "/clock", {"offset_ms": offset_ms})
    assert (answer.status, answer.code) == (400, "invalid_clock")


def test_a_rate_limit_lets_its_number_pass_per_key(host: RunningHost) -> None:
    # Two windows at most are touched, so at least one of five calls is over the limit of two.
    assert [host.get("/limited?key=one") for _ in range(5)].count(False) >= 1
    assert host.get("/limited?key=another") is True


@pytest.mark.parametrize("address", ["198.51.100.7", "10.0.0.1", "169.254.169.254"])
def test_a_worker_reaches_no_address_but_loopback(host: RunningHost, address: str) -> None:
    assert host.get(f"/visit?url=http://{address}/") == "refused"


def test_a_worker_reaches_loopback(host: RunningHost, outside: RecordingServer) -> None:
    assert host.get(f"/visit?url={outside.url}/") == 200
