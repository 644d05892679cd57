from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.deploy.rollback.post_mortem import (
    FOLDER_VARIABLE,
    HEADINGS,
    PostMortem,
    open_post_mortems,
    post_mortem_folder,
)
from tests.ops.contexts import context_of

ROOT = Path(__file__).resolve().parents[4]
DRAFT = PostMortem(
    stack="production",
    bad_version="bad12345-6789",
    good_version="good1234-5678",
    commit="c0ffee",
    reason="sends fail",
    actor="ada",
    seconds=7.4,
)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.requirement("S4-05", "S4-38", "S4-39", "S4-40", "S4-41", "S4-42")
def test_a_draft_has_the_facts_and_the_four_headings(tmp_path: Path) -> None:
    path = DRAFT.write(tmp_path / "reviews", now=NOON)

    text = path.read_text()
    assert path.name == "2026-01-02-production-bad12345.md"
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(HEADINGS)
    for fact in ("sends fail", "ada", "c0ffee", "good1234-5678"):
        assert fact in text


def test_a_second_rollback_from_the_same_version_keeps_what_was_written(tmp_path: Path) -> None:
    path = DRAFT.write(tmp_path, now=NOON)
    path.write_text(path.read_text() + "\nWritten by a person.\n")

    assert DRAFT.write(tmp_path) == path
    assert "Written by a person." in path.read_text()


def test_a_review_is_open_until_every_heading_says_something(tmp_path: Path) -> None:
    path = DRAFT.write(tmp_path, now=NOON)
    (tmp_path / "README.md").write_text("# Reviews\n")
    [sentence] = open_post_mortems(tmp_path)
    assert all(heading in sentence for heading in HEADINGS)

    text = path.read_text()
    for heading in HEADINGS:
        text = text.replace(f"## {heading}\n", f"## {heading}\n\nKnown now.\n")
    path.write_text(text)
    [sentence] = open_post_mortems(tmp_path)
    assert "set its status to closed" in sentence

    path.write_text(text.replace("Status: open", "Status: closed"))
    assert open_post_mortems(tmp_path) == []
    assert open_post_mortems(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("stack", "moved", "folder"),
    [
        ("production", "", "docs/post-mortems"),
        ("local", "", "home/post-mortems"),
        ("local", "reviews", "reviews"),
        ("production", "reviews", "reviews"),
    ],
)
def test_the_draft_of_a_stack_of_this_machine_lies_outside_git(
    stack: str, moved: str, folder: str, tmp_path: Path
) -> None:
    environment = {FOLDER_VARIABLE: str(tmp_path / moved)} if moved else {}
    for name in ("production", "local"):
        file = f"Pulumi.{name}.yaml"
        (tmp_path / file).write_text((ROOT / file).read_text())
    context = context_of(tmp_path, stack, environment=environment)
    assert post_mortem_folder(context) == tmp_path / folder
