"""Miniflare, Cloudflare's own simulator, asked the same questions of a Worker's bindings.

Miniflare comes with wrangler. Where the two differ, production decides: each difference says why.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from tests.eventually import eventually
from tests.localcloud.npm_package import installed
from tests.localcloud.wrangler_client import PACKAGE

pytestmark = [pytest.mark.workerd, pytest.mark.soak]

JUDGES = Path(__file__).with_name("judges")
SOURCE = (JUDGES / "same_worker.js").read_text(encoding="utf-8")
MESSAGES = 6  # deliveries that the questions about queues lead to
_SECONDS = 300

# Question → why the answers differ.
EXPLAINED = {
    "d1/comment": "workerd's D1 says 'No SQL statements detected.', and so does the API",
}


@dataclass(frozen=True)
class Both:
    """The answers of both by question, and what the queue handler heard."""

    theirs: dict[str, Any]
    ours: dict[str, Any]
    heard_by_theirs: list[Any]
    heard_by_ours: list[Any]


def ask_miniflare(folder: Path) -> tuple[dict[str, Any], list[Any]]:
    """Return Miniflare's answers, and what the queue handler heard."""
    folder.mkdir()
    script = folder / "miniflare.mjs"
    script.write_text((JUDGES / "miniflare.mjs").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "node_modules").symlink_to(installed(PACKAGE) / "node_modules")
    order = {"source": SOURCE, "compatibilityDate": "2026-04-26", "messages": MESSAGES}
    done = subprocess.run(
        ["node", str(script)],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    return document["answers"], document["heard"]


def ask_local_cloud(home: Path) -> tuple[dict[str, Any], list[Any]]:
    """Return the local cloud's answers, and what the queue handler heard."""
    cloud = LocalCloud(home, Ports(0, 0, 0))
    try:
        endpoints = cloud.start()
        api = httpx.Client(
            base_url=f"{endpoints.control_url}/accounts/{endpoints.account_id}",
            headers={"Authorization": f"Bearer {endpoints.api_token}"},
            timeout=120,
            trust_env=False,
        )

        def made(method: str, path: str, **options: Any) -> Any:
            answer = api.request(method, path, **options)
            assert answer.status_code == 200, answer.text
            return answer.json()["result"]

        database = made("POST", "/d1/database", json={"name": "d"})["uuid"]
        namespace = made("POST", "/storage/kv/namespaces", json={"title": "k"})["id"]
        queue = made("POST", "/queues", json={"queue_name": "q"})["queue_id"]
        metadata = {
            "main_module": "index.js",
            "compatibility_date": "2026-04-26",
            "bindings": [
                {"type": "d1", "name": "DB", "id": database},
                {"type": "kv_namespace", "name": "KV", "namespace_id": namespace},
                {"type": "queue", "name": "QUEUE", "queue_name": "q"},
            ],
        }
        files: dict[str, Any] = {
            "metadata": (None, json.dumps(metadata)),
            "index.js": ("index.js", SOURCE, "application/javascript+module"),
        }
        made("PUT", "/workers/scripts/same", files=files)
        made("POST", "/workers/scripts/same/subdomain", json={"enabled": True})
        consumer = {"type": "worker", "script_name": "same", "settings": {"max_wait_time_ms": 0}}
        made("POST", f"/queues/{queue}/consumers", json=consumer)

        def asked(path: str) -> Any:
            url = f"{endpoints.service_url}/{path}"
            host = {"Host": "same.localhost"}
            return httpx.get(url, headers=host, timeout=60, trust_env=False).json()

        answers = {name: asked(name) for name in asked("names")}
        heard = eventually(
            lambda: found if len(found := asked("heard")) >= MESSAGES else None,
            what="the deliveries",
        )
        return answers, heard
    finally:
        cloud.erase()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The answers of both."""
    folder = tmp_path_factory.mktemp("same")
    theirs, heard_by_theirs = ask_miniflare(folder / "miniflare")
    ours, heard_by_ours = ask_local_cloud(folder / "home")
    return Both(theirs, ours, heard_by_theirs, heard_by_ours)


def test_every_binding_answers_as_miniflares(both: Both) -> None:
    assert len(both.theirs) > 60
    differing = {
        name: {"theirs": theirs, "ours": both.ours[name]}
        for name, theirs in both.theirs.items()
        if both.ours[name] != theirs
    }
    unexplained = {name: found for name, found in differing.items() if name not in EXPLAINED}
    assert unexplained == {}
    assert set(EXPLAINED) <= set(differing)


def test_the_queue_delivers_the_same_messages(both: Both) -> None:
    assert sorted(both.heard_by_ours) == sorted(both.heard_by_theirs)
