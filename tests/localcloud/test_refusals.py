"""What is refused has Cloudflare's status and code, and a sentence that names what is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.localcloud.running_cloud import RunningCloud, deploy


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A control plane with a Worker, a database, a namespace, a bucket and a queue."""
    with RunningCloud(Path(tmp_path_factory.mktemp("refusals")) / "home") as running:
        deploy(running)
        yield running


@pytest.fixture(scope="module")
def names(own: RunningCloud) -> dict[str, str]:
    """The paths' placeholders."""
    made = {
        "D1": own.result("POST", "/d1/database", json={"name": "d"})["uuid"],
        "KV": own.result("POST", "/storage/kv/namespaces", json={"title": "k"})["id"],
        "QUEUE": own.result("POST", "/queues", json={"queue_name": "jobs"})["queue_id"],
        "ZONE": own.http.get("/zones").json()["result"][0]["id"],
        "NONE": "0" * 32,
    }
    own.result("POST", "/r2/buckets", json={"name": "bucket-1"})
    return made


def consumer(**settings: Any) -> dict[str, Any]:
    return {"type": "worker", "script_name": "w", **settings}


REFUSALS: list[tuple[str, str, Any, tuple[int, int], str]] = [
    ("GET", "/d1/database/NONE", None, (404, 7404), "could not be found"),
    ("POST", "/d1/database", {"name": "d"}, (400, 7502), "already exists"),
    ("POST", "/d1/database/D1/import", {"action": "poll"}, (400, 7400), "no import under way"),
    ("POST", "/d1/database/D1/import", {"action": "init"}, (400, 7400), "etag is required"),
    ("POST", "/d1/database/D1/time_travel/restore", None, (400, 7400), "bookmark or timestamp"),
    ("GET", "/d1/database/D1/time_travel/bookmark?timestamp=x", None, (400, 7400), "ISO 8601"),
    ("POST", "/storage/kv/namespaces", {"title": "k"}, (400, 10014), "title already exists"),
    ("GET", "/storage/kv/namespaces/NONE", None, (404, 10013), "namespace not found"),
    ("GET", "/storage/kv/namespaces/KV/values/none", None, (404, 10009), "key not found"),
    ("PUT", "/storage/kv/namespaces/KV/values/" + "k" * 513, "x", (400, 10030), "1 to 512 bytes"),
    ("PUT", "/storage/kv/namespaces/KV/values/k?expiration_ttl=59", "x", (400, 10033), "of 59"),
    ("PUT", "/storage/kv/namespaces/KV/values/k?expiration_ttl=x", "x", (400, 10033), "of x"),
    ("GET", "/queues/NONE", None, (404, 11000), "does not exist"),
    ("POST", "/queues", {"queue_name": "jobs"}, (409, 11009), "already taken"),
    ("POST", "/queues/QUEUE/consumers", consumer(script_name="none"), (404, 10007), "Worker"),
    (
        *("POST", "/queues/QUEUE/consumers", consumer(dead_letter_queue="jobs")),
        *((400, 10026), "its own dead letter queue"),
    ),
    (
        *("POST", "/queues/QUEUE/consumers", consumer(dead_letter_queue="none")),
        *((400, 11000), "Dead letter queue 'none' does not exist"),
    ),
    ("DELETE", "/queues/QUEUE/consumers/NONE", None, (404, 11007), "no such consumer"),
    ("GET", "/r2/buckets/none", None, (404, 10006), "bucket does not exist"),
    ("POST", "/r2/buckets", {"name": "bucket-1"}, (409, 10004), "already exists"),
    ("POST", "/r2/buckets", {"name": "B"}, (400, 10005), "not valid"),
    ("GET", "/r2/buckets/bucket-1/objects/none", None, (404, 10007), "key does not exist"),
    ("GET", "/workers/workers/none", None, (404, 10007), "does not exist on your account"),
    ("POST", "/workers/workers", {"name": "w"}, (409, 10040), "'w' already exists"),
    ("GET", "/workers/services/none", None, (404, 10090), "service does not exist"),
    ("GET", "/workers/workers/w/versions/NONE", None, (404, 100146), "does not exist"),
    ("GET", "/workers/scripts/w/deployments/NONE", None, (404, 10336), "does not exist"),
    ("GET", "/workers/scripts/w/secrets/NONE", None, (404, 10056), "Secret binding not found"),
    ("DELETE", "/workers/scripts/w/tails/NONE", None, (404, 10007), "no such tail"),
    (
        *("PUT", "/workers/scripts/w/schedules", [{"cron": "x"}]),
        *((400, 10100), "invalid cron string"),
    ),
    ("GET", "/workers/domains/NONE", None, (404, 100114), "no such custom domain"),
    (
        *("PUT", "/workers/domains", {"hostname": "a.none.test", "service": "w"}),
        *((400, 100116), "none.test"),
    ),
    ("GET", "/tokens/NONE", None, (404, 1003), "Valid token ID required"),
    ("GET", "/workers/none/at/all", None, (404, 7003), "Could not route"),
    ("PATCH", "/queues", None, (405, 10405), "PATCH method not allowed"),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "words"), REFUSALS, ids=lambda each: str(each)[:60]
)
def test_a_refusal_has_its_status_its_code_and_its_reason(
    own: RunningCloud,
    names: dict[str, str],
    method: str,
    path: str,
    body: Any,
    code: tuple[int, int],
    words: str,
) -> None:
    for name, value in names.items():
        path = path.replace(name, value)
    options = {"content": body} if isinstance(body, str) else {"json": body}
    answer = own.account(method, path, **(options if body is not None else {}))
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == code
    assert words in error["message"]
    assert answer.json()["result"] is None


def test_a_zone_and_its_routes_are_refused_by_their_codes(
    own: RunningCloud, names: dict[str, str]
) -> None:
    def told(method: str, path: str, body: Any = None) -> tuple[int, int]:
        answer = own.http.request(method, path, json=body)
        return answer.status_code, answer.json()["errors"][0]["code"]

    routes = f"/zones/{names['ZONE']}/workers/routes"
    assert told("GET", f"/zones/{'1' * 32}") == (404, 1001)
    assert told("GET", f"{routes}/{names['NONE']}") == (404, 10009)
    route = {"pattern": "x.example.test/*", "script": "w"}
    assert own.http.post(routes, json=route).status_code == 200
    assert told("POST", routes, route) == (409, 10020)
    assert told("POST", routes, {"pattern": "x.test/*", "script": "w"}) == (400, 10022)


def test_a_link_is_refused_by_its_signature_and_after_an_hour(
    own: RunningCloud, names: dict[str, str]
) -> None:
    etag = hashlib.md5(b"SELECT 1;", usedforsecurity=False).hexdigest()
    path = f"/d1/database/{names['D1']}/import"
    begun = own.result("POST", path, json={"action": "init", "etag": etag})
    ingest = {"action": "ingest", "etag": etag, "filename": begun["filename"]}
    missing = own.account("POST", path, json=ingest).json()["errors"][0]
    assert (missing["code"], missing["message"]) == (7400, "The file was not uploaded.")
    link = begun["upload_url"]

    def told(url: str) -> tuple[int, int, str]:
        answer = httpx.put(url, content=b"SELECT 1;", trust_env=False)
        error = answer.json()["errors"][0]
        return answer.status_code, error["code"], error["message"]

    assert told(link[:-1] + "x") == (403, 10000, "The link's signature is wrong.")
    assert httpx.get(link, trust_env=False).status_code == 403
    own.local("POST", "/clock", json={"advance_ms": 3_600_001})
    assert told(link) == (403, 10000, "The link has expired.")
