"""Static assets in front of a Worker, on the real runtime."""

from __future__ import annotations

import hashlib
import http.client
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.host.conftest import Starter
from tests.host.node_module import run_in_node
from tests.host.running_host import RunningHost

pytestmark = pytest.mark.workerd

WORKER = """
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (request.method === "OPTIONS") return new Response("");
    if (url.pathname === "/by-binding") {
      return await env.ASSETS.fetch(new Request("https://assets.local/data.json", request));
    }
    return new Response(`worker ${request.method} ${url.pathname}`);
  },
};
"""
FILES = {
    "/index.html": (b"<h1>hi</h1>", "text/html; charset=utf-8"),
    "/about.html": (b"about", "text/html; charset=utf-8"),
    "/404.html": (b"not here", "text/html; charset=utf-8"),
    "/data.json": (b"{}", "application/json"),
    "/no type": (b"?", None),
}
HEADERS = "/*\n  X-Content-Type-Options: nosniff\n"


def assets(folder: Path, **config: Any) -> dict[str, Any]:
    """Files on disk and the part `assets` of a version."""
    files = {}
    for path, (content, content_type) in FILES.items():
        name = hashlib.sha256(content).hexdigest()[:32]
        (folder / name).write_bytes(content)
        files[path] = {"hash": name, "size": len(content), "contentType": content_type}
    return {"dir": str(folder), "files": files, "config": config}


def put(host: RunningHost, version: str, folder: Path, **config: Any) -> None:
    """Boot a version with these assets."""
    modules = folder / version
    modules.mkdir(parents=True)
    (modules / "entry.mjs").write_text(WORKER)
    (modules / "_headers").write_text(HEADERS)
    stored = folder / "assets"
    stored.mkdir(exist_ok=True)
    answer = host.put(
        version,
        modules,
        mainModule="entry.mjs",
        compatibilityFlags=[],
        bindings=[{"type": "assets", "name": "ASSETS"}],
        assets=assets(stored, **config),
    )
    assert answer.status == 200, answer


@pytest.fixture(scope="module")
def host(start: Starter, tmp_path_factory: pytest.TempPathFactory) -> RunningHost:
    """A host that has three versions: plain, Worker first, and one with rules."""
    running = start()
    folder = tmp_path_factory.mktemp("assets")
    put(running, "v-1", folder, not_found_handling="404-page")
    put(running, "v-2", folder, run_worker_first=True)
    put(running, "v-3", folder, run_worker_first=["/about*", "!/about.html"])
    assert running.route(1, v_1=100, v_2=0).status == 200
    return running


def ask(host: RunningHost, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """A request that follows no redirect."""
    return host.edge(method, path, headers=headers)


def test_a_file_is_served_without_the_worker(host: RunningHost) -> None:
    answer = ask(host, "/")
    assert (answer.status_code, answer.text) == (200, "<h1>hi</h1>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=0, must-revalidate"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cf-ray"]
    head = ask(host, "/", "HEAD")
    assert (head.text, head.headers["content-length"]) == ("", "11")
    assert "content-type" not in ask(host, "/no%20type").headers


def test_an_unchanged_file_is_not_sent_again(host: RunningHost) -> None:
    etag = ask(host, "/about").headers["etag"]
    for known in (etag, f"W/{etag}"):
        answer = ask(host, "/about", **{"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
    assert ask(host, "/about", **{"If-None-Match": '"other"'}).status_code == 200


def test_other_paths_reach_the_worker_and_navigations_the_page_for_them(host: RunningHost) -> None:
    assert ask(host, "/api/send").text == "worker GET /api/send"
    assert ask(host, "/api/send", "POST").text == "worker POST /api/send"
    answer = ask(host, "/nope", **{"Sec-Fetch-Mode": "navigate"})
    assert (answer.status_code, answer.text) == (404, "not here")


def test_a_file_takes_no_post_and_has_one_address(host: RunningHost) -> None:
    assert ask(host, "/about", "POST").status_code == 405
    for path, location in (
        ("/about.html?q=1", "/about?q=1"),
        ("/about/", "/about"),
        ("//about", "/about"),
        ("/%61bout", "/about"),
    ):
        # Not by way of httpx, which would tidy these paths up itself.
        connection = http.client.HTTPConnection("127.0.0.1", host.edge_port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("location")) == (307, location), path
        connection.close()


def test_the_binding_reads_the_files_of_its_own_version(host: RunningHost) -> None:
    answer = ask(host, "/by-binding")
    assert (answer.text, answer.headers["content-type"]) == ("{}", "application/json")


@pytest.mark.parametrize(
    ("rule", "fitting", "others"),
    [
        ("/about", ["/about"], ["/about/", "/abou", "/x/about"]),
        ("/about*", ["/about", "/about/x"], ["/abou", "/x/about"]),
        ("!/a*", ["/a", "/ab"], ["/b", "!/a"]),
        ("*", ["", "/", "/a/b"], []),
        ("*.html", ["/a.html", ".html"], ["/a.htm", "/a.html/"]),
        ("/a*b*c", ["/abc", "/axbxc", "/abcbc"], ["/ab", "/acb", "/abcb"]),
        ("/ab*b", ["/abb", "/abxb"], ["/ab"]),
        ("/a.c+(x)", ["/a.c+(x)"], ["/abc+(x)"]),
        ("/" + "*a" * 40 + "*!", ["/" + "a" * 40 + "!"], ["/" + "a" * 8_000]),
    ],
)
def test_a_star_of_a_rule_stands_for_anything(
    rule: str, fitting: list[str], others: list[str]
) -> None:
    script = "return input.paths.map((path) => m.fits([input.rule], path));"
    found = run_in_node("asset-site.mjs", script, {"rule": rule, "paths": [*fitting, *others]})
    assert found == [True] * len(fitting) + [False] * len(others)


def test_run_worker_first_puts_the_worker_in_front_and_rules_do_so_by_path(
    host: RunningHost,
) -> None:
    override = {"Cloudflare-Workers-Version-Overrides": 'probe="v-2"'}
    assert ask(host, "/about", **override).text == "worker GET /about"
    preview = {"Host": "v-3-probe.localhost"}
    assert ask(host, "/about", **preview).status_code == 404  # ids of 8 hex digits have previews
    assert host.route(2, v_3=100).status == 200
    try:
        assert ask(host, "/about").text == "worker GET /about"
        assert ask(host, "/about.html").status_code == 307
        assert ask(host, "/").text == "<h1>hi</h1>"
        assert ask(host, "/elsewhere").text == "worker GET /elsewhere"
    finally:
        assert host.route(3, v_1=100, v_2=0).status == 200
