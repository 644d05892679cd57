"""Static assets: upload sessions, their tokens, and the versions that serve them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
import pytest

from tests.localcloud.running_cloud import MODULE, RunningCloud, version_body

INDEX = b"<h1>hi</h1>\n"
STYLE = b"body{}"
HOUR_MS = 3_600_000


def hash_of(content: bytes) -> str:
    """The hash under which the provider uploads a file."""
    return hashlib.sha256(content).hexdigest()[:32]


def manifest(**files: bytes) -> dict[str, Any]:
    """Path → hash and size; `index_html` stands for /index.html."""
    return {
        "/" + name.replace("_", "."): {"hash": hash_of(content), "size": len(content)}
        for name, content in files.items()
    }


def begin(cloud: RunningCloud, script: str = "w", **files: bytes) -> dict[str, Any]:
    """Start a session."""
    path = f"/workers/scripts/{script}/assets-upload-session"
    found: dict[str, Any] = cloud.result("POST", path, json={"manifest": manifest(**files)})
    return found


def upload(
    cloud: RunningCloud, token: str, *contents: bytes, query: str = "true"
) -> httpx.Response:
    """Send files as the provider does."""
    files = {
        hash_of(content): ("folder/file", base64.b64encode(content), "text/html; charset=utf-8")
        for content in contents
    }
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/workers/assets/upload?base64={query}"
    return cloud.account("POST", path, files=files, headers=headers)


def complete(cloud: RunningCloud, script: str = "w", **files: bytes) -> str:
    """A completion token."""
    session = begin(cloud, script, **files)
    if not session["buckets"]:
        return str(session["jwt"])
    return str(upload(cloud, session["jwt"], *files.values()).json()["result"]["jwt"])


@pytest.fixture
def worker(cloud: RunningCloud) -> str:
    """The path of a new Worker's versions."""
    identifier = cloud.result("POST", "/workers/workers", json={"name": "w"})["id"]
    return f"/workers/workers/{identifier}/versions"


def test_a_session_asks_for_what_is_missing_and_ends_with_a_completion_token(
    cloud: RunningCloud, worker: str
) -> None:
    session = begin(cloud, index_html=INDEX, style_css=STYLE)
    assert session["buckets"] == [sorted([hash_of(INDEX), hash_of(STYLE)])]
    first = upload(cloud, session["jwt"], INDEX)
    assert (first.status_code, first.json()["result"]) == (202, {"jwt": None})
    second = upload(cloud, session["jwt"], STYLE)
    assert second.status_code == 201
    assert second.json()["result"]["jwt"]
    # What is there already isn't asked for again, and the same content is stored once.
    assert begin(cloud, index_html=INDEX, other_html=INDEX)["buckets"] == []
    assert len(list(cloud.home.assets.iterdir())) == 2


def test_a_version_gets_its_files_types_rules_and_configuration(
    cloud: RunningCloud, worker: str
) -> None:
    token = complete(cloud, index_html=INDEX)
    config = {"html_handling": "none", "run_worker_first": ["/api/*", "!/api/docs"]}
    rules = {"name": "_headers", "content_type": "text/plain", "content_base64": "Lyo="}
    body = version_body(
        assets={"config": config, "jwt": token},
        bindings=[{"type": "assets", "name": "ASSETS"}],
        modules=[MODULE, rules],
    )
    version = cloud.result("POST", worker, json=body)
    assert version["assets"] == {"config": config}
    assert token not in cloud.account("GET", f"{worker}/{version['id']}").text
    told = cloud.host.versions[version["id"]]
    assert told["assets"] == {
        "dir": str(cloud.home.assets),
        "config": config,
        "files": {
            "/index.html": {
                "hash": hash_of(INDEX),
                "size": len(INDEX),
                "contentType": "text/html; charset=utf-8",
            }
        },
    }
    assert (cloud.home.assets / hash_of(INDEX)).read_bytes() == INDEX
    plain = cloud.result("POST", worker, json=version_body())
    assert cloud.host.versions[plain["id"]]["assets"] is None


def test_an_upload_needs_the_token_of_its_session(cloud: RunningCloud, worker: str) -> None:
    session = begin(cloud, index_html=INDEX)
    for token in (cloud.endpoints.api_token, session["jwt"] + "x", "a.b.c", "x"):
        answer = upload(cloud, token, INDEX)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, 10000), token
    done = upload(cloud, session["jwt"], INDEX).json()["result"]["jwt"]
    assert upload(cloud, done, INDEX).status_code == 401


def test_an_expired_session_takes_nothing_and_gives_nothing(
    cloud: RunningCloud, worker: str
) -> None:
    session = begin(cloud, index_html=INDEX)
    done = complete(cloud, style_css=STYLE)
    cloud.local("POST", "/clock", json={"advance_ms": HOUR_MS})
    assert upload(cloud, session["jwt"], INDEX).status_code == 401
    body = version_body(assets={"jwt": done})
    assert cloud.error("POST", worker, json=body) == (400, 10021)


@pytest.mark.parametrize("content", [b"something else", INDEX + b"longer"])
def test_a_file_that_the_manifest_does_not_name_is_refused(
    cloud: RunningCloud, worker: str, content: bytes
) -> None:
    session = begin(cloud, index_html=INDEX)
    files = {hash_of(INDEX): ("f", base64.b64encode(content), "text/html")}
    headers = {"Authorization": f"Bearer {session['jwt']}"}
    answer = cloud.account(
        "POST", "/workers/assets/upload?base64=true", files=files, headers=headers
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 10021)
    assert upload(cloud, session["jwt"], content).status_code == 400
    assert list(cloud.home.assets.iterdir()) == []


def test_a_version_takes_only_the_completed_session_of_its_own_worker(
    cloud: RunningCloud, worker: str
) -> None:
    cloud.result("POST", "/workers/workers", json={"name": "other"})
    begun = begin(cloud, index_html=INDEX)["jwt"]
    foreign = complete(cloud, "other", index_html=INDEX)
    for token in (begun, foreign, "nonsense", cloud.endpoints.api_token):
        body = version_body(assets={"jwt": token})
        assert cloud.error("POST", worker, json=body) == (400, 10021), token
    assert cloud.local("GET", "/state")["versions"] == 0


def test_a_file_that_has_gone_since_is_noticed(cloud: RunningCloud, worker: str) -> None:
    token = complete(cloud, index_html=INDEX)
    (cloud.home.assets / hash_of(INDEX)).unlink()
    body = version_body(assets={"jwt": token})
    assert cloud.error("POST", worker, json=body) == (400, 10021)
    assert begin(cloud, index_html=INDEX)["buckets"] == [[hash_of(INDEX)]]


@pytest.mark.parametrize(
    "entry",
    [
        {"/a": {"hash": "xyz", "size": 1}},
        {"/a": {"hash": "0" * 32, "size": -1}},
        {"/a": {"hash": "0" * 32, "size": 26 * 1024 * 1024}},
        {"a": {"hash": "0" * 32, "size": 1}},
        {"/../a": {"hash": "0" * 32, "size": 1}},
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    shared: RunningCloud, entry: dict[str, Any]
) -> None:
    path = "/workers/scripts/idle/assets-upload-session"
    assert shared.error("POST", path, json={"manifest": entry}) == (400, 10021)


@pytest.mark.parametrize(
    "config",
    [
        {"html_handling": "magic"},
        {"not_found_handling": "500-page"},
        {"run_worker_first": []},
        {"run_worker_first": ["api/*"]},
        {"run_worker_first": ["!/only-negative"]},
        {"run_worker_first": ["/a*", "/ab"]},
        {"run_worker_first": ["/a", "/a"]},
        {"base_path": "/elsewhere"},
        {"unknown": True},
    ],
)
def test_a_configuration_that_cloudflare_refuses_is_refused(
    shared: RunningCloud, config: dict[str, Any]
) -> None:
    body = version_body(assets={"jwt": "any", "config": config})
    assert shared.error("POST", "/workers/workers/idle/versions", json=body) == (400, 10021)


def test_the_binding_needs_assets_and_redirect_rules_are_not_dropped_silently(
    shared: RunningCloud,
) -> None:
    path = "/workers/workers/idle/versions"
    bound = version_body(bindings=[{"type": "assets", "name": "ASSETS"}])
    assert shared.error("POST", path, json=bound) == (400, 10021)
    rules = {"name": "_redirects", "content_type": "text/plain", "content_base64": "Lyo="}
    assert shared.error("POST", path, json=version_body(modules=[MODULE, rules])) == (400, 10021)
