"""KV as it is at one location of Cloudflare's network: what is written elsewhere shows later."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from localcloud.errors import StartFailed
from localcloud.server import KV_DELAY_MS, kv_delay_ms

pytestmark = pytest.mark.workerd

WORKER = """
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const key = pathname.slice(1);
    if (searchParams.has("put")) await env.KV.put(key, searchParams.get("put"));
    if (searchParams.has("delete")) await env.KV.delete(key);
    return Response.json(await env.KV.get(key));
  },
};
"""


class Both:
    """A Worker with a namespace, and the API, which writes from elsewhere."""

    def __init__(self, cloud: LocalCloud) -> None:
        endpoints = cloud.start()
        self._edge = endpoints.service_url
        self._api = httpx.Client(
            base_url=f"{endpoints.control_url}/accounts/{endpoints.account_id}",
            headers={"Authorization": f"Bearer {endpoints.api_token}"},
            timeout=60,
            trust_env=False,
        )
        namespaces = "/storage/kv/namespaces"
        made = self._api.post(namespaces, json={"title": "kv"}).json()["result"]
        self._values = f"{namespaces}/{made['id']}/values"
        binding = {"type": "kv_namespace", "name": "KV", "namespace_id": made["id"]}
        metadata = {
            "main_module": "index.js",
            "compatibility_date": "2026-10-01",
            "bindings": [binding],
        }
        files: dict[str, Any] = {
            "metadata": (None, json.dumps(metadata)),
            "index.js": ("index.js", WORKER, "application/javascript+module"),
        }
        self._api.put("/workers/scripts/reader", files=files).raise_for_status()
        switch = {"enabled": True}
        self._api.post("/workers/scripts/reader/subdomain", json=switch).raise_for_status()

    def write(self, key: str, value: str) -> None:
        """Write through the API, and check that the API reads it at once."""
        self._api.put(f"{self._values}/{key}", content=value).raise_for_status()
        assert self._api.get(f"{self._values}/{key}").text == value

    def read(self, key: str, query: str = "") -> Any:
        """What the Worker reads, after it did what the query says."""
        url = f"{self._edge}/{key}{query}"
        return httpx.get(url, headers={"Host": "reader.localhost"}, trust_env=False).json()


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Both]]:
    """Start one local cloud with a value of the variable."""
    cloud = LocalCloud(tmp_path / "home", Ports(0, 0, 0))

    def start_with(value: str) -> Both:
        monkeypatch.setenv("NOTIFICATION_LOCAL_KV", value)
        return Both(cloud)

    try:
        yield start_with
    finally:
        cloud.erase()


def test_a_worker_goes_on_with_what_it_has_read(start: Callable[[str], Both]) -> None:
    both = start("")
    both.write("a", "old")
    assert both.read("a") == "old"
    both.write("a", "new")
    assert both.read("a") == "old"
    assert both.read("never-there") is None
    both.write("never-there", "now")
    assert both.read("never-there") is None
    # Its own writes show at once, and so does what it hasn't read before.
    assert both.read("a", "?put=mine") == "mine"
    assert both.read("a", "?delete") is None
    both.write("unread", "fresh")
    assert both.read("unread") == "fresh"


def test_the_delay_is_hidden_where_that_is_asked_for(start: Callable[[str], Both]) -> None:
    both = start("immediate")
    both.write("a", "old")
    assert both.read("a") == "old"
    both.write("a", "new")
    assert both.read("a") == "new"


def test_the_switch_takes_one_word_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, delay in (("", KV_DELAY_MS), ("immediate", 0)):
        monkeypatch.setenv("NOTIFICATION_LOCAL_KV", value)
        assert kv_delay_ms() == delay
    monkeypatch.setenv("NOTIFICATION_LOCAL_KV", "yes")
    with pytest.raises(StartFailed, match="NOTIFICATION_LOCAL_KV is 'yes'"):
        kv_delay_ms()
