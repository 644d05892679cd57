"""KV namespaces and values."""

from __future__ import annotations

import json

import pytest

from tests.localcloud.running_cloud import RunningCloud, deploy, version_body

PATH = "/storage/kv/namespaces"


@pytest.fixture
def namespace(cloud: RunningCloud) -> str:
    """The path of a new namespace."""
    return f"{PATH}/{cloud.result('POST', PATH, json={'title': 'cache'})['id']}"


def test_a_title_is_unique_also_when_renaming(cloud: RunningCloud, namespace: str) -> None:
    assert cloud.error("POST", PATH, json={"title": "cache"}) == (400, 10014)
    cloud.result("POST", PATH, json={"title": "other"})
    assert cloud.error("PUT", namespace, json={"title": "other"}) == (400, 10014)
    assert cloud.result("PUT", namespace, json={"title": "new"})["title"] == "new"


def test_a_title_is_required(cloud: RunningCloud) -> None:
    assert cloud.error("POST", PATH, json={}) == (400, 10019)
    assert cloud.error("GET", f"{PATH}/nope") == (404, 10013)


def test_a_value_comes_back_as_it_was_stored(cloud: RunningCloud, namespace: str) -> None:
    key = f"{namespace}/values/a%2Fb%20c"
    assert cloud.error("GET", key) == (404, 10009)
    cloud.result("PUT", key, content=b"\x00\xff")
    response = cloud.account("GET", key)
    assert (response.content, response.headers["content-type"]) == (
        b"\x00\xff",
        "application/octet-stream",
    )
    assert cloud.result("GET", f"{namespace}/keys?prefix=a") == [{"name": "a/b c"}]
    cloud.result("DELETE", key)
    assert cloud.error("GET", key) == (404, 10009)


def test_a_form_stores_its_part_named_value(cloud: RunningCloud, namespace: str) -> None:
    key = f"{namespace}/values/k"
    cloud.result("PUT", key, files={"value": (None, "from a form"), "metadata": (None, "{}")})
    assert cloud.account("GET", key).text == "from a form"
    bad = {"metadata": (None, "{"), "value": (None, "x")}
    assert cloud.error("PUT", key, files=bad) == (400, 10026)
    assert cloud.error("PUT", key, files={"metadata": (None, "{}")}) == (400, 10026)
    large = {"metadata": (None, json.dumps({"a": "x" * 1024})), "value": (None, "x")}
    assert cloud.error("PUT", key, files=large) == (413, 10048)


def test_a_bulk_call_is_checked_as_a_whole_before_anything_is_written(
    cloud: RunningCloud, namespace: str
) -> None:
    good = {"key": "good", "value": "Z29vZA==", "base64": True}
    for bad in (
        {"key": "", "value": "x"},
        {"key": "k", "value": "?", "base64": True},
        {"key": "k", "value": "x", "expiration_ttl": 59},
    ):
        status, _ = cloud.error("PUT", f"{namespace}/bulk", json=[good, bad])
        assert status == 400, bad
        assert cloud.result("GET", f"{namespace}/keys") == []
    counted = cloud.result("PUT", f"{namespace}/bulk", json=[good])
    assert counted == {"successful_key_count": 1, "unsuccessful_keys": []}
    found = cloud.result("POST", f"{namespace}/bulk/get", json={"keys": ["good", "gone"]})
    assert found == {"values": {"good": "good", "gone": None}}
    too_many = {"keys": ["k"] * 101}
    assert cloud.error("POST", f"{namespace}/bulk/get", json=too_many) == (400, 10026)
    cloud.result("POST", f"{namespace}/bulk/delete", json=["good"])
    assert cloud.result("GET", f"{namespace}/keys") == []


def test_a_life_below_a_minute_is_refused(cloud: RunningCloud, namespace: str) -> None:
    for life in (
        "expiration_ttl=59",
        "expiration_ttl=x",
        "expiration=1000",
        f"expiration={'9' * 5_000}",
    ):
        path = f"{namespace}/values/k?{life}"
        assert cloud.error("PUT", path, content=b"v") == (400, 10033), life


def test_a_namespace_that_a_live_version_is_bound_to_cannot_go(
    cloud: RunningCloud, namespace: str
) -> None:
    identifier = namespace.rsplit("/", 1)[1]
    binding = {"type": "kv_namespace", "name": "KV", "namespace_id": identifier}
    worker_id, _ = deploy(cloud, bindings=[binding])
    assert cloud.error("DELETE", namespace) == (400, 10052)
    # A newer deployment without the binding frees it, as it does on Cloudflare.
    deploy(cloud)
    cloud.result("DELETE", namespace)
    assert identifier not in cloud.host.stores["kv"]
    path = f"/workers/workers/{worker_id}/versions"
    assert cloud.error("POST", path, json=version_body(bindings=[binding])) == (400, 10041)


def test_a_key_has_up_to_512_bytes_and_is_no_path_of_dots(
    cloud: RunningCloud, namespace: str
) -> None:
    cloud.result("PUT", f"{namespace}/values/{'k' * 512}", content=b"v")
    for key in ("k" * 513, "%C3%A9" * 257, "%2E", "%2E%2E"):
        status, _ = cloud.error("PUT", f"{namespace}/values/{key}", content=b"v")
        assert status in {400, 404}, key
    wrong = [{"key": ".", "value": "v"}]
    assert cloud.error("PUT", f"{namespace}/bulk", json=wrong) == (400, 10030)
