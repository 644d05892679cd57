"""The bootstrap document has the tables that the program works by."""

import re
from pathlib import Path

import pytest

from infra.access.calls import CALLS, calls_table
from infra.access.commands import commands_table
from infra.access.workflow_values import VALUES, values_table

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "bootstrap.md").read_text(encoding="utf-8")


@pytest.mark.requirement("S0-20", "S0-22")
@pytest.mark.parametrize(
    ("name", "table"),
    [("calls", calls_table()), ("commands", commands_table()), ("values", values_table())],
)
def test_its_tables_are_those_of_the_program(name: str, table: str) -> None:
    between = TEXT.partition(f"<!-- begin: {name}, ")[2].partition(" -->\n")[2]
    assert between.partition(f"<!-- end: {name} -->")[0] == table
    assert len(CALLS) == 12
    assert len(VALUES) > 15


@pytest.mark.requirement("S0-21", "S0-22")
def test_every_secret_and_variable_that_a_workflow_reads_is_made() -> None:
    workflows = list((ROOT / ".github" / "workflows").glob("*.yml"))
    assert len(workflows) >= 3
    read = {
        (kind, name)
        for workflow in workflows
        for kind, name in re.findall(r"\b(secrets|vars)\.(\w+)", workflow.read_text("utf-8"))
    }
    made = {("secrets" if value.is_secret else "vars", value.name) for value in VALUES}
    assert len(read) > 8
    assert {entry for entry in read if entry not in made and "PREFIX" not in entry[1]} - {
        ("secrets", "GITHUB_TOKEN")  # GitHub's own
    } == set()


def test_every_command_says_where_it_runs() -> None:
    fences = re.findall(r"^```(.*)$", TEXT, flags=re.MULTILINE)[::2]
    assert set(fences) == {"console local long", "console account"}
