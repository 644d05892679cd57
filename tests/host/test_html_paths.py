"""Which file a path leads to, for each way of handling HTML."""

from __future__ import annotations

from typing import Any

import pytest

from tests.host.node_module import run_in_node

FILES = [
    *("/index.html", "/about.html", "/docs/index.html", "/both.html", "/both/index.html"),
    *("/logo.svg", "/binary", "/docs/404.html", "/404.html"),
]
RESOLVE = """
const files = Object.fromEntries(input.files.map((name) => [name, name]));
const paths = new m.HtmlPaths(files, input.config);
return input.asked.map((path) => {
  const found = paths.resolve(path, input.notFound);
  if (found === null) return null;
  return found.redirect === undefined ? `${found.status} ${found.file}` : `-> ${found.redirect}`;
});
"""


def resolved(asked: list[str], *, not_found: bool = True, **config: Any) -> list[str | None]:
    """What each path leads to: `200 FILE`, `-> PATH`, or None."""
    argument = {"files": FILES, "config": config, "asked": asked, "notFound": not_found}
    found: list[str | None] = run_in_node("html-paths.mjs", RESOLVE, argument)
    return found


CASES: dict[str, dict[str, str | None]] = {
    "auto-trailing-slash": {
        "/": "200 /index.html",
        "/index": "-> /",
        "/index.html": "-> /",
        "/about": "200 /about.html",
        "/about/": "-> /about",
        "/about.html": "-> /about",
        "/about/index": "-> /about",
        "/about/index.html": "-> /about",
        "/docs": "-> /docs/",
        "/docs/": "200 /docs/index.html",
        "/docs.html": "-> /docs/",
        "/docs/index.html": "-> /docs/",
        "/both": "200 /both.html",
        "/both/": "200 /both/index.html",
        "/logo.svg": "200 /logo.svg",
        "/binary": "200 /binary",
        "/binary/": None,
        "/nope": None,
    },
    "force-trailing-slash": {
        "/": "200 /index.html",
        "/about": "-> /about/",
        "/about/": "200 /about.html",
        "/about.html": "-> /about/",
        "/docs": "-> /docs/",
        "/both.html": "200 /both.html",
        "/both/": "200 /both/index.html",
        "/nope/": None,
    },
    "drop-trailing-slash": {
        "/": "200 /index.html",
        "/index.html": "-> /",
        "/about/": "-> /about",
        "/docs": "200 /docs/index.html",
        "/docs/": "-> /docs",
        "/docs/index.html": "-> /docs",
        "/both/index.html": "200 /both/index.html",
        "/nope": None,
    },
    "none": {
        "/": None,
        "/index.html": "200 /index.html",
        "/about": None,
        "/about.html": "200 /about.html",
    },
}


@pytest.mark.parametrize("handling", sorted(CASES))
def test_html_is_found_as_cloudflare_finds_it(handling: str) -> None:
    cases = CASES[handling]
    assert dict(zip(cases, resolved(list(cases), html_handling=handling), strict=True)) == cases


def test_the_default_is_the_automatic_slash() -> None:
    cases = CASES["auto-trailing-slash"]
    assert resolved(list(cases)) == list(cases.values())


def test_what_is_not_found_is_handled_as_configured() -> None:
    asked = ["/nope", "/docs/deep/nope", "/about"]
    assert resolved(asked, not_found_handling="single-page-application") == [
        "200 /index.html",
        "200 /index.html",
        "200 /about.html",
    ]
    assert resolved(asked, not_found_handling="404-page") == [
        "404 /404.html",
        "404 /docs/404.html",
        "200 /about.html",
    ]
    pages = resolved(asked, not_found=False, not_found_handling="404-page")
    assert pages == [None, None, "200 /about.html"]


HEADERS = """
# everything
/*
  X-Frame-Options: DENY
  Cache-Control: public, max-age=60

/static/:name.js
  X-Name: :name
  ! Cache-Control
https://example.test/*
  X-Host: :splat
/two/*/stars/*
  X-Never: 1
nonsense
/bad
"""
APPLY = """
const rules = new m.HeaderRules(input.text);
return input.asked.map(([host, path]) => {
  const headers = { "cache-control": "own" };
  rules.apply(headers, host, path);
  return headers;
});
"""


def test_header_rules_set_replace_and_take_away_headers() -> None:
    asked = [["w.localhost", "/x"], ["w.localhost", "/static/app.js"], ["example.test", "/a/b"]]
    plain, script, host = run_in_node("header-rules.mjs", APPLY, {"text": HEADERS, "asked": asked})
    assert plain == {"cache-control": "public, max-age=60", "x-frame-options": "DENY"}
    assert script == {"x-frame-options": "DENY", "x-name": "app"}
    assert host["x-host"] == "a/b"
