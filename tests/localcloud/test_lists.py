"""Every list honours each parameter that Cloudflare documents for it, or refuses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.localcloud.running_cloud import RunningCloud, deploy
from tests.localcloud.sdk_methods import sdk_methods

# List → (where the items lie in the result, what names an item)
SHAPES = {
    "/accounts": ("", "name"),
    "/memberships": ("", "status"),
    "/zones": ("", "name"),
    "/zones/{zone_id}/workers/routes": ("", "pattern"),
    "/accounts/{account_id}/d1/database": ("", "name"),
    "/accounts/{account_id}/queues": ("", "queue_name"),
    "/accounts/{account_id}/queues/{queue_id}/consumers": ("", "script"),
    "/accounts/{account_id}/r2/buckets": ("buckets", "name"),
    "/accounts/{account_id}/r2/buckets/{bucket_name}/objects": ("", "key"),
    "/accounts/{account_id}/storage/kv/namespaces": ("", "title"),
    "/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/keys": ("", "name"),
    "/accounts/{account_id}/tokens": ("", "name"),
    "/accounts/{account_id}/tokens/permission_groups": ("", "name"),
    "/accounts/{account_id}/workers/domains": ("", "hostname"),
    "/accounts/{account_id}/workers/scripts": ("", "id"),
    "/accounts/{account_id}/workers/scripts/{script_name}/deployments": (
        "deployments",
        "annotations.workers/message",
    ),
    "/accounts/{account_id}/workers/scripts/{script_name}/secrets": ("", "name"),
    "/accounts/{account_id}/workers/scripts/{script_name}/versions": ("items", "number"),
    "/accounts/{account_id}/workers/workers": ("", "name"),
    "/accounts/{account_id}/workers/workers/{worker_id}/versions": ("", "number"),
}

# (list, parameter, query) → the items that come back
D1 = "/accounts/{account_id}/d1/database"
QUEUES = "/accounts/{account_id}/queues"
CONSUMERS = QUEUES + "/{queue_id}/consumers"
BUCKETS = "/accounts/{account_id}/r2/buckets"
OBJECTS = BUCKETS + "/{bucket_name}/objects"
KV = "/accounts/{account_id}/storage/kv/namespaces"
KEYS = KV + "/{namespace_id}/keys"
TOKENS = "/accounts/{account_id}/tokens"
GROUPS = TOKENS + "/permission_groups"
DOMAINS = "/accounts/{account_id}/workers/domains"
SCRIPTS = "/accounts/{account_id}/workers/scripts"
DEPLOYMENTS = SCRIPTS + "/{script_name}/deployments"
SCRIPT_VERSIONS = SCRIPTS + "/{script_name}/versions"
WORKERS = "/accounts/{account_id}/workers/workers"
VERSIONS = WORKERS + "/{worker_id}/versions"
ROUTES = "/zones/{zone_id}/workers/routes"
CASES: list[tuple[str, str, str, list[Any]]] = [
    ("/accounts", "direction", "direction=desc", ["Local account"]),
    ("/accounts", "name", "name=Local%20account", ["Local account"]),
    ("/accounts", "name", "name=Other", []),
    ("/accounts", "page", "page=2", []),
    ("/accounts", "per_page", "per_page=1", ["Local account"]),
    ("/memberships", "account.name", "account.name=Other", []),
    ("/memberships", "account.name", "account.name=Local%20account", ["accepted"]),
    ("/memberships", "name", "name=Other", []),
    ("/memberships", "direction", "direction=desc", ["accepted"]),
    ("/memberships", "order", "order=status", ["accepted"]),
    ("/memberships", "status", "status=pending", []),
    ("/memberships", "page", "page=2", []),
    ("/memberships", "per_page", "per_page=1", ["accepted"]),
    ("/zones", "name", "name=shop.test", ["shop.test"]),
    ("/zones", "name", "name=contains:HOP", ["shop.test"]),
    ("/zones", "name", "name=contains_case_sensitive:HOP", []),
    ("/zones", "name", "name=not_equal:shop.test", ["book.test", "example.test"]),
    ("/zones", "name", "name=starts_with:b", ["book.test"]),
    ("/zones", "name", "name=ends_with:k.test", ["book.test"]),
    ("/zones", "account.id", "account.id=" + "f" * 32, []),
    ("/zones", "account.name", "account.name=Other", []),
    ("/zones", "account.name", "account.name=starts_with:local&page=3&per_page=1", ["shop.test"]),
    ("/zones", "direction", "direction=desc", ["shop.test", "example.test", "book.test"]),
    ("/zones", "order", "order=name&direction=desc&per_page=1", ["shop.test"]),
    ("/zones", "status", "status=pending", []),
    ("/zones", "match", "match=any&status=pending&name=book.test", ["book.test"]),
    ("/zones", "match", "match=all&status=pending&name=book.test", []),
    ("/zones", "type", "type=partial,secondary", []),
    ("/zones", "type", "type=partial,full&per_page=1", ["book.test"]),
    ("/zones", "page", "page=2&per_page=2", ["shop.test"]),
    ("/zones", "per_page", "per_page=2", ["book.test", "example.test"]),
    (D1, "name", "name=bet", ["beta"]),
    (D1, "page", "page=4&per_page=1", []),
    (D1, "per_page", "per_page=100&name=alpha", ["alpha"]),
    (QUEUES, "name", "name=beta", ["beta"]),
    (QUEUES, "name", "name=gamma&name=alpha", ["alpha", "gamma"]),
    (QUEUES, "name", "name=bet", []),
    (QUEUES, "page", "page=2&name=beta", []),
    (CONSUMERS, "page", "page=1", ["b-worker"]),
    (BUCKETS, "cursor", "cursor=alpha", ["beta", "gamma"]),
    (BUCKETS, "direction", "direction=desc", ["gamma", "beta", "alpha"]),
    (BUCKETS, "name_contains", "name_contains=mm", ["gamma"]),
    (BUCKETS, "order", "order=name", ["alpha", "beta", "gamma"]),
    (BUCKETS, "per_page", "per_page=2", ["alpha", "beta"]),
    (BUCKETS, "start_after", "start_after=beta", ["gamma"]),
    (OBJECTS, "cursor", "cursor=a/1", ["a/2", "b"]),
    (OBJECTS, "delimiter", "delimiter=/", ["b"]),
    (OBJECTS, "per_page", "per_page=1", ["a/1"]),
    (OBJECTS, "prefix", "prefix=a", ["a/1", "a/2"]),
    (OBJECTS, "start_after", "start_after=a/2", ["b"]),
    (KV, "direction", "order=title&direction=desc", ["gamma", "beta", "alpha"]),
    (KV, "order", "order=title", ["alpha", "beta", "gamma"]),
    (KV, "page", "order=title&page=2&per_page=2", ["gamma"]),
    (KV, "per_page", "order=title&per_page=1", ["alpha"]),
    (KEYS, "cursor", "cursor=&prefix=b", ["b"]),
    (KEYS, "limit", "limit=10&prefix=a", ["a1", "a2"]),
    (KEYS, "prefix", "prefix=a", ["a1", "a2"]),
    (TOKENS, "direction", "direction=desc", ["past", "second", "first"]),
    (TOKENS, "include_expired", "include_expired=false", ["first", "second"]),
    (TOKENS, "include_expired", "include_expired=true", ["first", "second", "past"]),
    (TOKENS, "page", "page=3&per_page=1", ["past"]),
    (TOKENS, "per_page", "per_page=1", ["first"]),
    (GROUPS, "name", "name=D1%20Wr", ["D1 Write"]),
    (GROUPS, "scope", "scope=com.cloudflare.api.account.zone&name=Logs%20Read", ["Logs Read"]),
    (DOMAINS, "environment", "environment=staging", []),
    (DOMAINS, "hostname", "hostname=b.shop.test", ["b.shop.test"]),
    (DOMAINS, "service", "service=a-worker", ["a.book.test"]),
    (DOMAINS, "zone_id", "zone_id=" + "f" * 32, []),
    (DOMAINS, "zone_name", "zone_name=shop.test", ["b.shop.test"]),
    (SCRIPTS, "tags", "tags=red:yes", ["a-worker"]),
    (SCRIPTS, "tags", "tags=red:no", ["b-worker"]),
    (DEPLOYMENTS, "page", "page=2&per_page=1", ["first"]),
    (DEPLOYMENTS, "per_page", "per_page=1", ["second"]),
    (DEPLOYMENTS, "since", "since=2999-01-01T00:00:00Z", []),
    (DEPLOYMENTS, "until", "until=2000-01-01T00:00:00Z", []),
    (DEPLOYMENTS, "until", "until=2999-01-01T00:00:00Z", ["second", "first"]),
    (SCRIPT_VERSIONS, "deployable", "deployable=true&per_page=1", [2, 1]),
    (SCRIPT_VERSIONS, "page", "page=2&per_page=1", [1]),
    (SCRIPT_VERSIONS, "per_page", "per_page=1", [2]),
    (WORKERS, "order", "order_by=name&order=asc", ["a-worker", "b-worker"]),
    (WORKERS, "order", "order_by=name&order=desc", ["b-worker", "a-worker"]),
    (WORKERS, "order_by", "order_by=created_on&order=asc", ["a-worker", "b-worker"]),
    (WORKERS, "order_by", "order_by=updated_on&order=desc", ["b-worker", "a-worker"]),
    (WORKERS, "order_by", "order_by=deployed_on&order=asc", ["a-worker", "b-worker"]),
    (WORKERS, "page", "order_by=name&order=asc&page=2&per_page=1", ["b-worker"]),
    (WORKERS, "per_page", "order_by=name&order=asc&per_page=1", ["a-worker"]),
    (VERSIONS, "page", "page=2&per_page=1", [1]),
    (VERSIONS, "per_page", "per_page=1", [2]),
    (ROUTES, "page", "page=2&per_page=1", []),
]

MALFORMED = [
    (D1, f"page={'0' * 18}1"),
    (D1, f"per_page={'0' * 18}{'9' * 5_000}"),
    *((path, "page=0") for path in (D1, QUEUES, KV, WORKERS, VERSIONS, "/zones", TOKENS)),
    *((path, "per_page=x") for path in (D1, QUEUES, KV, BUCKETS, DEPLOYMENTS, "/accounts")),
    ("/zones", "order=colour"),
    ("/zones", "name=resembles:x"),
    ("/zones", "name=a&name=b"),
    ("/zones", "match=some"),
    ("/memberships", "status=lost"),
    (KV, "direction=up"),
    (KV, "order="),
    (KEYS, "limit=9"),
    (SCRIPTS, "tags=red"),
    (TOKENS, "include_expired=maybe"),
    (DEPLOYMENTS, "since=yesterday"),
    (DEPLOYMENTS, "since=2026-01-01T00:00:00"),
    (SCRIPT_VERSIONS, "deployable=perhaps"),
    (DOMAINS, "hostname="),
    (WORKERS, "order_by=size"),
]


class Filled:
    """An account with a few of everything, and the ids that the paths need."""

    def __init__(self, cloud: RunningCloud) -> None:
        self.cloud = cloud
        self.ids = {"account_id": cloud.endpoints.account_id}
        for name in ("shop.test", "book.test"):
            self.ids["zone_id"] = cloud.local("POST", "/zones", json={"name": name})["id"]
        for name in ("beta", "alpha", "gamma"):
            cloud.result("POST", "/d1/database", json={"name": name})
            cloud.result("POST", "/r2/buckets", json={"name": name})
        for name in ("alpha", "beta", "gamma"):
            queue = cloud.result("POST", "/queues", json={"queue_name": name})
            namespace = cloud.result("POST", "/storage/kv/namespaces", json={"title": name})
        for key in ("a1", "a2", "b"):
            path = f"/storage/kv/namespaces/{namespace['id']}/values/{key}"
            cloud.result("PUT", path, content=b"v")
        for key in ("a/1", "a/2", "b"):
            cloud.result("PUT", f"/r2/buckets/alpha/objects/{key}", content=b"v")
        self._workers()
        consumer = {"type": "worker", "script_name": "b-worker"}
        cloud.result("POST", f"/queues/{queue['queue_id']}/consumers", json=consumer)
        for name, service in (("a.book.test", "a-worker"), ("b.shop.test", "b-worker")):
            body = {"hostname": name, "service": service}
            cloud.result("PUT", "/workers/domains", json=body)
        self._tokens()
        self.ids |= {
            "queue_id": queue["queue_id"],
            "namespace_id": namespace["id"],
            "bucket_name": "alpha",
            "script_name": "b-worker",
        }

    def _workers(self) -> None:
        cloud = self.cloud
        deploy(cloud, "a-worker")
        self.ids["worker_id"], _ = deploy(cloud, "b-worker")
        path = "/workers/scripts/a-worker/script-settings"
        cloud.result("PATCH", path, json={"tags": ["red"]})
        cloud.result("PATCH", "/workers/scripts/b-worker/script-settings", json={"tags": []})
        deployments = "/workers/scripts/b-worker/deployments"
        (first,) = cloud.result("GET", deployments)["deployments"]
        deploy(cloud, "b-worker", annotations={"workers/tag": "two"})
        newest = cloud.result("GET", deployments)["deployments"][0]
        for message, made in (("first", first), ("second", newest)):
            body = {
                "strategy": "percentage",
                "versions": made["versions"],
                "annotations": {"workers/message": message},
            }
            cloud.result("POST", deployments, json=body)

    def _tokens(self) -> None:
        group = self.cloud.result("GET", "/tokens/permission_groups?name=D1%20Read")[0]["id"]
        policy = {
            "effect": "allow",
            "permission_groups": [{"id": group}],
            "resources": {f"com.cloudflare.api.account.{self.ids['account_id']}": "*"},
        }
        ends = {"past": {"expires_on": "2020-01-01T00:00:00Z"}}
        for name in ("first", "second", "past"):
            body = {"name": name, "policies": [policy], **ends.get(name, {})}
            self.cloud.result("POST", "/tokens", json=body)

    def get(self, path: str, query: str = "") -> Any:
        """The answer of a list."""
        for name, value in self.ids.items():
            path = path.replace(f"{{{name}}}", value)
        return self.cloud.http.get(f"{path}?{query}" if query else path)

    def names(self, path: str, query: str) -> list[Any]:
        """What the list shows, by name."""
        answer = self.get(path, query)
        assert answer.status_code == 200, answer.text
        where, field = SHAPES[path]
        items = answer.json()["result"]
        found = []
        for item in items[where] if where else items:
            value: Any = item
            for part in field.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            found.append(value)
        return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """One account for all tests of this file, which only read."""
    with RunningCloud(tmp_path_factory.mktemp("lists") / "home") as cloud:
        yield Filled(cloud)


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [(path, query, expected) for path, _, query, expected in CASES],
    ids=[f"{path.rsplit('/', 1)[1]}?{query}" for path, _, query, _ in CASES],
)
def test_a_list_honours_the_parameter(
    filled: Filled, path: str, query: str, expected: list[Any]
) -> None:
    if path == DEPLOYMENTS:  # the deployments of the uploads themselves carry no message
        found = [name for name in filled.names(path, query) if name is not None]
        assert found == expected
        return
    found = filled.names(path, query)
    assert (sorted(found) if path == QUEUES else found) == expected


@pytest.mark.parametrize(("path", "query"), MALFORMED)
def test_a_malformed_parameter_is_refused_by_its_name(
    filled: Filled, path: str, query: str
) -> None:
    answer = filled.get(path, query)
    assert answer.status_code == 400, answer.text
    name = re.split("[=&]", query)[0]
    assert name in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("path", SHAPES)
def test_a_list_refuses_a_parameter_that_it_does_not_know(filled: Filled, path: str) -> None:
    answer = filled.get(path, "colour=red")
    assert answer.status_code == 400
    assert "'colour'" in answer.json()["errors"][0]["message"]


def test_every_documented_parameter_of_every_list_has_a_case(filled: Filled) -> None:
    """The SDK says which lists there are and what they take."""
    missing, lists = [], set()
    for method in sdk_methods():
        is_list = method.name.endswith(".list") or "per_page" in method.parameters
        if method.http != "GET" or not is_list:
            continue
        if filled.get(method.path).status_code == 404:
            continue  # not a part of the local cloud
        lists.add(method.path)
        in_path = set(re.findall(r"\{(\w+)\}", method.path))
        for parameter in set(method.parameters) - in_path - {"cf_r2_jurisdiction"}:
            shown = [name for path, name, _, _ in CASES if path == method.path]
            if not any(name.split(".")[0] == parameter for name in shown):
                missing.append((method.path, parameter))
    assert missing == []
    assert lists == set(SHAPES)


def test_a_page_and_the_next_hold_everything_once(filled: Filled) -> None:
    pages = [filled.names(D1, f"per_page=1&page={number}") for number in (1, 2, 3)]
    assert sorted(name for found in pages for name in found) == ["alpha", "beta", "gamma"]


NAMES = [f"{letter}{number}" for number, letter in enumerate("hbkdfcam")]
SECRETS = SCRIPTS + "/{script_name}/secrets"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """An account with eight of each kind whose order nobody promises."""
    with RunningCloud(tmp_path_factory.mktemp("many") / "home") as cloud:
        found = Filled(cloud)
        for name in NAMES:
            cloud.result("POST", "/d1/database", json={"name": name})
            cloud.result("POST", "/queues", json={"queue_name": name})
            deploy(cloud, name)
            body = {"name": name, "text": "x", "type": "secret_text"}
            cloud.result("PUT", "/workers/scripts/b-worker/secrets", json=body)
            domain = {"hostname": f"{name}.shop.test", "service": "b-worker"}
            cloud.result("PUT", "/workers/domains", json=domain)
            route = {"pattern": f"{name}.book.test/*", "script": "b-worker"}
            path = f"/zones/{found.ids['zone_id']}/workers/routes"
            assert cloud.http.post(path, json=route).status_code == 200
        yield found


@pytest.mark.parametrize("path", [D1, QUEUES, SCRIPTS, SECRETS, DOMAINS, ROUTES])
def test_a_list_without_a_promised_order_comes_neither_by_name_nor_by_time(
    many: Filled, path: str
) -> None:
    shown = [re.split(r"\.", name)[0] for name in many.names(path, "")]
    order = [name for name in shown if name in NAMES]
    assert sorted(order) == sorted(NAMES)
    meaningful = (NAMES, NAMES[::-1], sorted(NAMES), sorted(NAMES)[::-1])
    assert order not in meaningful
    assert many.names(path, "") == many.names(path, "")


def test_objects_below_a_delimiter_are_grouped(filled: Filled) -> None:
    answer = filled.get(OBJECTS, "delimiter=/&per_page=1").json()
    assert answer["result"] == []
    assert answer["result_info"]["delimited"] == ["a/"]
    rest = filled.get(OBJECTS, f"delimiter=/&cursor={answer['result_info']['cursor']}").json()
    assert ([item["key"] for item in rest["result"]], rest["result_info"]["delimited"]) == (
        ["b"],
        [],
    )
