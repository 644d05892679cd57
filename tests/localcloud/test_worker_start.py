"""What a Worker may do while it starts, as the runtime decides it at upload."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports

pytestmark = pytest.mark.workerd

HANDLER = "\nexport default { fetch: () => new Response('up') };"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The API of one local cloud for all tests of this file."""
    cloud = LocalCloud(tmp_path_factory.mktemp("start") / "home", Ports(0, 0, 0))
    try:
        endpoints = cloud.start()
        yield httpx.Client(
            base_url=f"{endpoints.control_url}/accounts/{endpoints.account_id}",
            headers={"Authorization": f"Bearer {endpoints.api_token}"},
            timeout=120,
            trust_env=False,
        )
    finally:
        cloud.erase()


def upload(http: httpx.Client, source: str) -> httpx.Response:
    """Upload a script of one module."""
    metadata = {"main_module": "index.js", "compatibility_date": "2026-10-01"}
    files: dict[str, Any] = {
        "metadata": (None, json.dumps(metadata)),
        "index.js": ("index.js", source, "application/javascript+module"),
    }
    return http.put("/workers/scripts/start", files=files)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("await fetch('http://127.0.0.1/');", "global scope"),
        ("setTimeout(() => {}, 1);", "global scope"),
        ("crypto.randomUUID();", "global scope"),
        ("crypto.getRandomValues(new Uint8Array(1));", "global scope"),
        ("throw new Error('at the top');", "at the top"),
        ("import './nothing.js';", "nothing.js"),
        ("this is no script", ""),
    ],
)
def test_what_is_not_allowed_at_the_top_level_is_refused_at_upload(
    http: httpx.Client, source: str, said: str
) -> None:
    answer = upload(http, source + HANDLER)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, 10021)
    assert said in error["message"]
    assert http.get("/workers/scripts").json()["result"] == []


def test_modules_of_every_kind_reach_the_worker_by_their_content_type(http: httpx.Client) -> None:
    main = (
        "import text from 'a.txt'; import data from 'a.bin'; import common from 'a.cjs';\n"
        "export default { fetch: () => Response.json("
        "[text, new Uint8Array(data)[0], common.value]) };"
    )
    metadata = {"main_module": "index.js", "compatibility_date": "2026-10-01"}
    files: dict[str, Any] = {
        "metadata": (None, json.dumps(metadata)),
        "index.js": ("index.js", main, "application/javascript+module"),
        "a.txt": ("a.txt", "text", "text/plain"),
        "a.bin": ("a.bin", b"\xff\r\n\x00", "application/octet-stream"),
        "a.cjs": ("a.cjs", "module.exports = { value: 7 };", "application/javascript"),
    }
    assert http.put("/workers/scripts/kinds", files=files).status_code == 200
    port = _edge_port(http)
    answer = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": "kinds.localhost"})
    assert answer.json() == ["text", 255, 7]
    assert http.delete("/workers/scripts/kinds").status_code == 200


def _edge_port(http: httpx.Client) -> int:
    worker = http.get("/workers/workers/kinds").json()["result"]["id"]
    http.post("/workers/scripts/kinds/subdomain", json={"enabled": True, "previews_enabled": True})
    (version,) = http.get(f"/workers/workers/{worker}/versions").json()["result"]
    return int(version["urls"][0].rsplit(":", 1)[1])
