"""The documents as a site: its menu, its own lock file, and a build that ends at a dead link."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.document import ROOT

SITE = ROOT / "docs" / "site"


def configuration() -> Any:
    """The site's conf.py; it imports nothing of the generator."""
    spec = importlib.util.spec_from_file_location("site_configuration", SITE / "conf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_menu_has_every_document_once_in_the_indexs_order() -> None:
    conf = configuration()
    pages = {f"docs/{path.stem}" for path in (ROOT / "docs").glob("*.md")} - {conf.INDEX}
    assert sorted(conf.listed()) == sorted(pages)
    assert conf.listed()[0] == "docs/concepts"
    source = ["# Title\n"]
    conf.add_menu(None, "docs/api", source)
    assert source == ["# Title\n"]
    conf.add_menu(None, conf.root_doc, source)
    assert "docs/troubleshooting" in source[0].partition("{toctree}")[2]


def test_the_generator_is_pinned_with_hashes_and_is_no_part_of_the_installation() -> None:
    wanted = (SITE / "requirements.in").read_text().split()
    lock = (SITE / "requirements.lock").read_text()
    assert wanted
    for requirement in wanted:
        assert re.fullmatch(r"[a-z-]+==[\w.]+", requirement)
        assert f"{requirement} \\\n    --hash=sha256:" in lock
    assert "://" not in lock
    installed = (ROOT / "requirements.lock").read_text()
    for name in ("sphinx==", "furo==", "myst-parser=="):
        assert name not in installed


def test_what_draws_the_diagrams_is_pinned_by_its_hash() -> None:
    pinned = (SITE / "mermaid.integrity").read_text()
    assert re.fullmatch(r"mermaid@\d+\.\d+\.\d+ sha512-[A-Za-z0-9+/]{86}==\n", pinned)


def project_with(tmp_path: Path, *names: str) -> Path:
    """A project with these files and what builds the site."""
    project = tmp_path / "project"
    for name in ("docs/site", "scripts", *names):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, project / name)
        else:
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, project / name)
    (project / ".venv").symlink_to(ROOT / ".venv")
    return project


def build(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "scripts" / "build-docs", *options], capture_output=True, text=True, check=False
    )


def loaded(page: str) -> list[str]:
    """What a page loads from an origin of its own choice."""
    return re.findall(r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="((?:\w+:)?//[^"]*)"', page)


def test_what_comes_from_another_origin_is_seen() -> None:
    page = '<script src="https://cdn.example/a.js"></script><link href="//x.example"><img src="a">'
    assert loaded(page) == ["https://cdn.example/a.js", "//x.example"]


@pytest.mark.soak
def test_the_site_is_built_with_a_search_and_a_dead_link_ends_the_build(tmp_path: Path) -> None:
    pages = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")]
    readmes = ("README.md", "README.zh-CN.md", "CHANGELOG.md", "LICENSE", "sdk")
    project = project_with(tmp_path, *readmes, *pages, "docs/images", "docs/post-mortems")
    done = build(project)
    assert done.returncode == 0, done.stderr
    site = project / "build" / "site"
    assert "troubleshooting" in (site / "searchindex.js").read_text()
    assert 'href="docs/api.html"' in (site / "README.html").read_text()
    assert {
        path.name: found for path in site.rglob("*.html") if (found := loaded(path.read_text()))
    } == {}
    assert "mermaid.min.js" in (site / "docs" / "architecture.html").read_text()
    assert "mermaid.min.js" not in (site / "docs" / "api.html").read_text()
    with (project / "docs" / "concepts.md").open("a") as page:
        page.write("\n[gone](nowhere.md)\n")
    assert build(project).returncode != 0
    (project / "docs" / "site" / "mermaid.integrity").write_text(
        (SITE / "mermaid.integrity").read_text().replace("sha512-", "sha512-A")
    )
    done = build(project)
    assert done.returncode != 0
    assert "its SHA-512 differs" in done.stderr


@contextmanager
def other_site(folder: Path) -> Iterator[str]:
    """A site with the files of a folder."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.soak
def test_an_address_outside_the_project_that_is_gone_is_found(tmp_path: Path) -> None:
    project = project_with(tmp_path, "LICENSE")
    for name in ("README.md", "docs/README.md"):
        (project / name).write_text("# Title\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "there").write_text("<p>Here it is.</p>")
    with other_site(tmp_path / "other") as site:
        (project / "docs" / "README.md").write_text(f"# Title\n\n[there]({site}/there)\n")
        done = build(project, "--links")
        assert done.returncode == 0, done.stdout + done.stderr
        (project / "docs" / "README.md").write_text(f"# Title\n\n[gone]({site}/gone)\n")
        done = build(project, "--links")
    assert done.returncode != 0
    assert "/gone" in (project / "build" / "site-links" / "output.txt").read_text()


def test_the_nightly_workflow_asks_every_address() -> None:
    text = (ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["links"]["steps"]
    assert "scripts/build-docs --links" in [step.get("run") for step in steps]
