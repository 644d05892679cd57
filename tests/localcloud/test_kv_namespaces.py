"""KV namespaces and values."""

from __future__ import annotations

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
    bad = {"metadata": (None, '{"a": 1}'), "value": (None, "x")}
    assert cloud.error("PUT", key, files=bad) == (400, 10026)


def test_a_life_below_a_minute_is_refused(cloud: RunningCloud, namespace: str) -> None:
    for life in ("expiration_ttl=59", "expiration_ttl=x", "expiration=1000"):
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
