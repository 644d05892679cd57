"""Zones, custom domains and routes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from localcloud.api.permission_groups import ZONE
from tests.localcloud.running_cloud import RunningCloud, deploy
from tests.localcloud.test_account_tokens import holder, mint, outcome, policy

HOST = "notify.example.test"


def zone_of(cloud: RunningCloud, name: str = "example.test") -> dict[str, Any]:
    """The zone of that name, as the API lists it."""
    answer = cloud.http.get("/zones", params={"name": name, "account.id": _account(cloud)})
    (found,) = answer.json()["result"]
    return dict(found)


def _account(cloud: RunningCloud) -> str:
    return cloud.endpoints.account_id


def call(cloud: RunningCloud, method: str, path: str, body: Any = None) -> httpx.Response:
    """A call below the root of the API."""
    return cloud.http.request(method, path, json=body)


def attach(cloud: RunningCloud, **changes: Any) -> Any:
    """Attach the host name to the Worker `w`."""
    body = {"hostname": HOST, "service": "w", "zone_id": zone_of(cloud)["id"], **changes}
    return cloud.result("PUT", "/workers/domains", json=body)


def test_the_account_has_a_zone_from_the_start(shared: RunningCloud) -> None:
    zone = zone_of(shared)
    assert (zone["name"], zone["status"], zone["type"]) == ("example.test", "active", "full")
    assert zone["account"]["id"] == _account(shared)
    assert call(shared, "GET", f"/zones/{zone['id']}").json()["result"] == zone
    for query in ({"name": "other.test"}, {"account.id": "a" * 32}, {"status": "pending"}):
        assert shared.http.get("/zones", params=query).json()["result"] == [], query
    assert outcome(call(shared, "GET", f"/zones/{'a' * 32}")) == (404, 1001)
    assert outcome(call(shared, "GET", "/zones/abc")) == (404, 7003)


def test_zones_come_and_go_by_a_local_call_only(cloud: RunningCloud) -> None:
    added = cloud.local("POST", "/zones", json={"name": "more.example"})
    assert zone_of(cloud, "more.example")["id"] == added["id"]
    url = f"{cloud.root_url}/local/zones"
    assert outcome(cloud.http.post(url, json={"name": "more.example"})) == (409, 1061)
    assert outcome(cloud.http.post(url, json={"name": "no dots"})) == (400, 10026)
    assert outcome(httpx.post(url, json={"name": "x.example"}, trust_env=False)) == (400, 9106)
    cloud.local("DELETE", "/zones/more.example")
    assert outcome(cloud.http.delete(f"{url}/more.example")) == (404, 1001)


def test_a_token_sees_the_zones_that_it_may_read(cloud: RunningCloud) -> None:
    other = cloud.local("POST", "/zones", json={"name": "other.test"})
    one = {f"{ZONE}.{other['id']}": "*"}
    base = cloud.endpoints.control_url
    narrow = mint(cloud, policy("Zone Read", scope=ZONE, resources=one))
    wide = mint(cloud, policy("Zone Read", scope=ZONE))
    for token, names in ((narrow, ["other.test"]), (wide, ["example.test", "other.test"])):
        with holder(cloud, token["value"]) as client:
            found = client.get(f"{base}/zones").json()["result"]
            assert [zone["name"] for zone in found] == names
    with holder(cloud, narrow["value"]) as client:
        assert outcome(client.get(f"{base}/zones/{zone_of(cloud)['id']}")) == (403, 10000)
        assert outcome(client.get(f"{base}/zones/{other['id']}/workers/routes")) == (403, 10000)
    with holder(cloud, mint(cloud, policy("D1 Read"))["value"]) as client:
        assert outcome(client.get(f"{base}/zones")) == (403, 10000)


def test_a_custom_domain_leads_to_its_worker_until_it_is_detached(cloud: RunningCloud) -> None:
    worker, _ = deploy(cloud)
    domain = attach(cloud)
    assert (domain["zone_name"], domain["environment"]) == ("example.test", "production")
    assert attach(cloud, zone_id=None, zone_name="example.test") == domain
    path = f"/workers/domains/{domain['id']}"
    assert cloud.result("GET", path) == domain
    assert cloud.result("GET", "/workers/domains", params={"hostname": HOST}) == [domain]
    assert cloud.result("GET", "/workers/domains", params={"service": "other"}) == []
    assert cloud.host.routes[-1]["routes"][0]["hosts"] == ["w.localhost", HOST]
    references = cloud.result("GET", f"/workers/workers/{worker}")["references"]
    assert [entry["hostname"] for entry in references["domains"]] == [HOST]
    refused = cloud.http.delete(f"{cloud.root_url}/local/zones/example.test")
    assert outcome(refused) == (409, 1001)
    cloud.result("DELETE", path)
    assert cloud.host.routes[-1]["routes"][0]["hosts"] == ["w.localhost"]
    assert cloud.error("GET", path) == (404, 100114)
    assert cloud.error("DELETE", path) == (404, 100114)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"service": "nope"}, (404, 10007)),
        ({"zone_id": "a" * 32}, (400, 100116)),
        ({"hostname": "notify.example.org"}, (400, 100116)),
        ({"hostname": "notexample.test"}, (400, 100116)),
        ({"hostname": "Not A Host"}, (400, 10026)),
    ],
)
def test_a_domain_that_could_not_work_is_refused(
    shared: RunningCloud, changes: dict[str, Any], refusal: tuple[int, int]
) -> None:
    body = {"hostname": HOST, "service": "idle", "zone_id": zone_of(shared)["id"], **changes}
    assert shared.error("PUT", "/workers/domains", json=body) == refusal
    assert shared.local("GET", "/state")["worker_domains"] == 0


def test_a_host_name_of_another_worker_is_not_taken_over(cloud: RunningCloud) -> None:
    deploy(cloud, "w")
    deploy(cloud, "other")
    attach(cloud)
    body = {"hostname": HOST, "service": "other"}
    assert cloud.error("PUT", "/workers/domains", json=body) == (409, 100117)


def test_routes_are_made_changed_and_removed(cloud: RunningCloud) -> None:
    deploy(cloud)
    path = f"/zones/{zone_of(cloud)['id']}/workers/routes"
    body = {"pattern": "*.example.test/api/*", "script": "w"}
    route = call(cloud, "POST", path, body).json()["result"]
    assert {**body, "id": route["id"]} == route
    assert call(cloud, "GET", path).json()["result"] == [route]
    assert cloud.host.routes[-1]["patterns"] == [body]
    assert outcome(call(cloud, "POST", path, body)) == (409, 10020)
    changed = {"pattern": "example.test/*", "script": "w"}
    one = f"{path}/{route['id']}"
    assert call(cloud, "PUT", one, changed).json()["result"] == {**changed, "id": route["id"]}
    assert call(cloud, "DELETE", one).json()["result"] == {"id": route["id"]}
    assert outcome(call(cloud, "GET", one)) == (404, 10009)
    assert cloud.host.routes[-1]["patterns"] == []


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"pattern": "example.org/*", "script": "idle"}, (400, 10022)),
        ({"pattern": "a*.example.test/*", "script": "idle"}, (400, 10022)),
        ({"pattern": "example.test/*/x", "script": "idle"}, (400, 10022)),
        ({"pattern": "example.test/?q=*", "script": "idle"}, (400, 10022)),
        ({"pattern": "", "script": "idle"}, (400, 10022)),
        ({"pattern": "example.test/*", "script": "nope"}, (404, 10007)),
    ],
)
def test_a_route_that_could_not_work_is_refused(
    shared: RunningCloud, body: dict[str, Any], refusal: tuple[int, int]
) -> None:
    path = f"/zones/{zone_of(shared)['id']}/workers/routes"
    assert outcome(call(shared, "POST", path, body)) == refusal
    assert outcome(call(shared, "POST", f"/zones/{'a' * 32}/workers/routes", body)) == (404, 1001)


def test_addresses_follow_a_renamed_worker_and_go_with_a_deleted_one(cloud: RunningCloud) -> None:
    worker, _ = deploy(cloud)
    attach(cloud)
    routes = f"/zones/{zone_of(cloud)['id']}/workers/routes"
    call(cloud, "POST", routes, {"pattern": "example.test/*", "script": "w"})
    cloud.result("PATCH", f"/workers/workers/{worker}", json={"name": "v"})
    assert cloud.result("GET", "/workers/domains")[0]["service"] == "v"
    assert call(cloud, "GET", routes).json()["result"][0]["script"] == "v"
    cloud.result("DELETE", f"/workers/workers/{worker}")
    assert cloud.result("GET", "/workers/domains") == []
    assert call(cloud, "GET", routes).json()["result"] == []


def test_the_switches_of_workers_dev_reach_the_edge(cloud: RunningCloud) -> None:
    deploy(cloud)
    assert cloud.host.routes[-1]["previewScripts"] == ["w"]
    path = "/workers/scripts/w/subdomain"
    cloud.result("POST", path, json={"enabled": False, "previews_enabled": True})
    told = cloud.host.routes[-1]
    assert (told["routes"][0]["hosts"], told["defaultScript"]) == ([], None)
    assert told["previewScripts"] == ["w"]
    cloud.result("POST", path, json={"enabled": True, "previews_enabled": False})
    assert cloud.host.routes[-1]["previewScripts"] == []
    off = {"enabled": False, "previews_enabled": False}
    assert cloud.result("DELETE", path) == off
    assert cloud.result("GET", path) == off


def test_the_previews_of_a_new_worker_are_open_before_it_is_deployed(cloud: RunningCloud) -> None:
    switch = {"enabled": True, "previews_enabled": True}
    cloud.result("POST", "/workers/workers", json={"name": "new", "subdomain": switch})
    assert cloud.host.routes[-1]["previewScripts"] == ["new"]
