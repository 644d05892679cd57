"""The documents as a site: its menu, its own lock file, and a build that ends at a dead link."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

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


@pytest.mark.soak
def test_the_site_is_built_with_a_search_and_a_dead_link_ends_the_build(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(ROOT / "docs", project / "docs")
    for name in ("README.md", "README.zh-CN.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    for name in ("scripts", "sdk"):
        shutil.copytree(ROOT / name, project / name)
    (project / ".venv").symlink_to(ROOT / ".venv")

    def build() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [project / "scripts" / "build-docs"], capture_output=True, text=True, check=False
        )

    done = build()
    assert done.returncode == 0, done.stderr
    site = project / "build" / "site"
    assert "troubleshooting" in (site / "searchindex.js").read_text()
    assert 'href="docs/api.html"' in (site / "README.html").read_text()
    with (project / "docs" / "concepts.md").open("a") as page:
        page.write("\n[gone](nowhere.md)\n")
    assert build().returncode != 0
