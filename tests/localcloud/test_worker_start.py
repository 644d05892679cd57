"""What a Worker may do while it starts, as the runtime decides it at upload."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports

pytestmark = pytest.mark.workerd

HANDLER = "\nexport default { fetch: () => new Response('up') };"
PYTHON_HANDLER = """
from workers import Response, WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(str(READ))
"""
SDK = Path(__file__).parents[2] / "build" / "python_modules"
DISALLOWED = "Disallowed operation called within global scope."
RANDOMNESS = "Randomness is not allowed while a Worker is starting"
TOO_LONG = "Script startup exceeded CPU time limit."


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


def upload_python(http: httpx.Client, source: str, *, name: str = "start") -> httpx.Response:
    """Upload a Python script that may use the SDK."""
    metadata = {
        "main_module": "entry.py",
        "compatibility_date": "2026-10-01",
        "compatibility_flags": ["python_workers"],
    }
    main = source + "\nREAD = globals().get('READ')\n" + PYTHON_HANDLER
    files: dict[str, Any] = {
        "metadata": (None, json.dumps(metadata)),
        "entry.py": ("entry.py", main, "text/x-python"),
    }
    for path in sorted(SDK.rglob("*.py")):
        module = f"python_modules/{path.relative_to(SDK)}"
        files[module] = (module, path.read_bytes(), "text/x-python")
    return http.put(f"/workers/scripts/{name}", files=files)


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
        ("for (;;);", TOO_LONG),
        pytest.param("for (let i = 0; i < 20_000_000_000; i++);", TOO_LONG, marks=pytest.mark.soak),
    ],
)
def test_what_is_not_allowed_at_the_top_level_is_refused_at_upload(
    http: httpx.Client, source: str, said: str
) -> None:
    assert_refused(http, upload(http, source + HANDLER), said)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import random\nrandom.random()", RANDOMNESS),
        ("from random import choice\nchoice([1, 2])", RANDOMNESS),
        ("import os\nos.urandom(8)", RANDOMNESS),
        ("import uuid\nuuid.uuid4()", RANDOMNESS),
        ("import secrets\nsecrets.token_hex()", RANDOMNESS),
        ("from js import crypto\ncrypto.randomUUID()", DISALLOWED),
        ("from js import fetch\nfetch('http://127.0.0.1/')", DISALLOWED),
        ("from js import setTimeout\nsetTimeout(print, 1)", DISALLOWED),
        ("import asyncio\nasyncio.get_event_loop().call_later(1, print)", DISALLOWED),
        pytest.param("for _ in range(60_000_000): pass", TOO_LONG, marks=pytest.mark.soak),
        ("while True: pass", TOO_LONG),
    ],
)
def test_what_a_python_worker_may_not_do_at_its_top_level_is_refused_at_upload(
    http: httpx.Client, source: str, said: str
) -> None:
    assert_refused(http, upload_python(http, source), said)


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio, workers\nasyncio.ensure_future(workers.fetch('http://127.0.0.1/'))",
        "from js import fetch\nkept = fetch('http://127.0.0.1/')",
    ],
)
def test_a_fetch_that_is_kept_at_the_top_level_is_refused_at_upload(
    http: httpx.Client, source: str
) -> None:
    """The runtime names what it can't keep in the snapshot of the Worker's memory."""
    assert_refused(http, upload_python(http, source), "Can't serialize top-level variable.")


def assert_refused(http: httpx.Client, answer: httpx.Response, said: str) -> None:
    """Check code and text, and that no script was left."""
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, 10021)
    assert said in error["message"]
    assert http.get("/workers/scripts").json()["result"] == []


def test_a_refused_script_stays_refused_when_it_is_uploaded_again(http: httpx.Client) -> None:
    for _ in range(2):
        assert_refused(http, upload_python(http, "for _ in range(60_000_000): pass"), TOO_LONG)


def test_the_top_level_runs_once_and_its_cpu_time_is_told(http: httpx.Client) -> None:
    """A second upload of the same modules tells what the first start cost."""
    source = "import time\nREAD = time.time_ns()\nfor _ in range(2_000_000): pass"
    first = upload_python(http, source, name="told").json()["result"]
    assert 0 < first["startup_time_ms"] < 1000
    assert (read := visit(http, "told"))
    again = upload_python(http, source, name="told").json()["result"]
    assert again["startup_time_ms"] == first["startup_time_ms"]
    assert visit(http, "told") == read
    assert http.delete("/workers/scripts/told").status_code == 200


def visit(http: httpx.Client, name: str) -> str:
    """The answer of a Worker to a request."""
    host = {"Host": f"{name}.localhost"}
    return httpx.get(f"http://127.0.0.1:{_edge_port(http, name)}/", headers=host).text


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
    assert json.loads(visit(http, "kinds")) == ["text", 255, 7]
    assert http.delete("/workers/scripts/kinds").status_code == 200


def _edge_port(http: httpx.Client, name: str) -> int:
    worker = http.get(f"/workers/workers/{name}").json()["result"]["id"]
    switch = {"enabled": True, "previews_enabled": True}
    http.post(f"/workers/scripts/{name}/subdomain", json=switch)
    version = http.get(f"/workers/workers/{worker}/versions").json()["result"][0]
    return int(version["urls"][0].rsplit(":", 1)[1])
