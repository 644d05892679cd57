"""Both READMEs say the same: headings, commands, links, pictures and tables, one for one."""

from __future__ import annotations

import re

import pytest

from tests.docs.document import ROOT, Document

ENGLISH, CHINESE = Document(ROOT / "README.md"), Document(ROOT / "README.zh-CN.md")
_PICTURE = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")


def shape(document: Document) -> list[str]:
    """Levels of headings, and widths of tables' rows, in the order of reading."""
    found = []
    for line in document.prose:
        if heading := re.match(r"(#+) ", line):
            found.append(heading[1])
        elif line.startswith("|"):
            found.append(f"{line.count('|') - 1} cells")
        elif item := re.match(r"(- |\d\. )", line):
            found.append(item[1])
    return found


def test_headings_tables_and_lists_are_the_same() -> None:
    assert shape(ENGLISH) == shape(CHINESE)
    assert "##" in shape(ENGLISH)


def test_commands_and_drawings_are_the_same() -> None:
    assert [(fence.info, fence.text) for fence in ENGLISH.fences] == [
        (fence.info, fence.text) for fence in CHINESE.fences
    ]


def test_links_and_pictures_are_the_same() -> None:
    def inner(document: Document) -> list[str]:
        return [link for link in document.links() if "README" not in link or "docs/" in link]

    assert inner(ENGLISH) == inner(CHINESE)
    assert _PICTURE.findall("\n".join(ENGLISH.prose)) == _PICTURE.findall("\n".join(CHINESE.prose))


@pytest.mark.parametrize(("document", "other"), [(ENGLISH, CHINESE), (CHINESE, ENGLISH)])
def test_each_leads_to_the_other(document: Document, other: Document) -> None:
    assert other.path.name in document.links()


def test_values_in_code_are_the_same() -> None:
    def values(document: Document) -> list[str]:
        return re.findall(r"`[^`\n]+`", "\n".join(document.prose))

    assert sorted(values(ENGLISH)) == sorted(values(CHINESE))


def test_the_readme_tells_no_figure_of_speed() -> None:
    """Figures stand where a command reproduces them."""
    text = "\n".join(ENGLISH.prose)
    assert not re.search(r"\d+(?:\.\d+)? ?(?:ms|sends/s|kB|%)", text)
