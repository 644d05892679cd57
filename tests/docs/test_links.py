"""The documents lead to one another, and every link in them arrives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.document import INDEX, ROOT, Document, documents

DOCUMENTS = documents()


def dead_links(document: Document) -> list[str]:
    """Return the relative links of a document that lead to no file or no heading."""
    dead = []
    for link in document.links():
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.path.parent / path).resolve() if path else document.path
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in Document(target).anchors()
        ):
            dead.append(link)
    return dead


@pytest.mark.requirement("S0-06")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_every_link_arrives(document: Document) -> None:
    assert dead_links(document) == []


def test_a_dead_link_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.docs.document.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# A `b` & c\n[x](#a-b--c) [y](#nothing) [z](gone.md) [w](https://a.example)\n")
    assert dead_links(Document(page)) == ["#nothing", "gone.md"]


@pytest.mark.requirement("S0-06", "S0-118")
def test_the_index_leads_to_every_document_and_the_readme_to_the_index() -> None:
    index = Document(INDEX)
    listed = {link.partition("#")[0] for link in index.links()}
    assert {each.path.name for each in DOCUMENTS if each.path.parent == INDEX.parent} - listed == {
        "README.md"
    }
    assert "docs/README.md" in Document(ROOT / "README.md").links()
    text = "\n".join(index.prose).lower()
    for subject in (
        *("quick", "first deployment", "by hand", "trouble", "practice", "rollback", "monitoring"),
        *("development", "api", "architecture", "database"),
    ):
        assert subject in text, f"the index doesn't tell where to read about {subject}"
