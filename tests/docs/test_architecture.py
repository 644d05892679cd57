"""The pictures of the layers are those that import-linter holds."""

from __future__ import annotations

import pytest

from tests.docs.architecture import PAGE, ROOT, pictures, written

CONTRACTS = """
[importlinter]
root_packages = ops

[importlinter:contract:wings]
name = Two wings
type = layers
containers =
    ops
layers =
    cli
    stacks

[importlinter:contract:circles]
name = No circles
type = acyclic_siblings
ancestors = ops
"""


def test_the_page_shows_todays_contracts() -> None:
    page = PAGE.read_text(encoding="utf-8")
    drawn = pictures((ROOT / ".importlinter").read_text(encoding="utf-8"))
    assert page == written(page, drawn), "Run: .venv/bin/python -m tests.docs.architecture"


def test_a_layer_points_to_the_one_below_it_and_shows_what_it_is_for() -> None:
    lines = pictures(CONTRACTS).splitlines()
    assert lines[0] == "### Two wings"
    assert any(line.startswith('    cli["cli/<br>How ') for line in lines)
    assert "    cli --> stacks" in lines
    assert "    stacks --> cli" not in lines


def test_parts_of_one_layer_have_the_same_neighbours() -> None:
    lines = pictures(
        CONTRACTS.replace("    stacks", "    deploy | observe\n    stacks")
    ).splitlines()
    arrows = [line.strip() for line in lines if "-->" in line]
    assert arrows == [
        *("cli --> deploy", "cli --> observe", "deploy --> stacks", "observe --> stacks"),
    ]


def test_a_contract_about_a_module_that_is_gone_draws_nothing() -> None:
    with pytest.raises(FileNotFoundError, match=r"ops\.gone"):
        pictures(CONTRACTS.replace("    stacks", "    gone"))
