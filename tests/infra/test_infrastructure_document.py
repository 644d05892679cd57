"""docs/infrastructure.md shows what the program declares."""

from pathlib import Path

import pytest

from tests.infra.resource_picture import BEGIN, DOCUMENT, END, full_stack, picture


@pytest.fixture(scope="module")
def text() -> str:
    """The document."""
    return DOCUMENT.read_text(encoding="utf-8")


def test_the_picture_is_the_programs(tmp_path: Path, text: str) -> None:
    drawn = text.partition(BEGIN)[2].partition(END)[0]
    found = picture(full_stack(tmp_path))
    assert found.count("-->") > 12
    assert drawn == found, "stale: run `python -m tests.infra.resource_picture`"


@pytest.mark.requirement("S0-01")
def test_every_type_of_resource_has_its_limit_of_the_free_plan(tmp_path: Path, text: str) -> None:
    types = {
        r.type.rpartition(":")[2]
        for r in full_stack(tmp_path).registrations
        if r.type.startswith("cloudflare:")
    }
    table = text.partition("## What it costs")[2].partition("## Outputs")[0]
    rows = {line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")}
    assert len(types) == 10
    assert types <= rows
