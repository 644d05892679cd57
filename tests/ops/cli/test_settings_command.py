"""Stack files checked outside Pulumi, and the schema that editors check them by."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema_rs
import pytest
import yaml

from infra.settings.reference import settings_tables
from infra.settings.schema import schema_text, stack_schema
from ops.cli.commands.settings import BEGIN, END
from ops.stacks.errors import OperationError, UsageError
from ops.stacks.settings_report import check_files, stack_files
from tests import forked_commands
from tests.infra.test_stack_settings import SECURE, VERSION, stack_file
from tests.ops.cli.in_process import Commands, failed_with

PROJECT = Path(__file__).parents[3]
VALIDATOR = jsonschema_rs.validator_for(stack_schema())


def settings(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forked_commands.run(["settings", *arguments])


def problems(*paths: Path, template: bool = False) -> dict[str, list[str]]:
    reports = check_files(paths, template=template)
    return {report.file: [problem.key for problem in report.problems] for report in reports}


@pytest.mark.requirement("S0-49")
def test_the_projects_own_files_are_right_but_for_what_is_to_be_filled_in() -> None:
    paths = stack_files(PROJECT)
    assert len(paths) == 4
    assert {key for keys in problems(*paths, template=True).values() for key in keys} == set()


@pytest.mark.requirement("S0-49", "S0-107")
def test_a_copied_example_names_each_placeholder_that_is_left(tmp_path: Path) -> None:
    copy = tmp_path / "Pulumi.staging.yaml"
    copy.write_text((PROJECT / "Pulumi.staging.example.yaml").read_text())
    found = problems(copy)["Pulumi.staging.yaml"]
    assert found == ["apiSecretKey", "encryptKey", "accountId", "workersDevSubdomain"]


@pytest.mark.requirement("S0-49")
def test_a_placeholder_in_a_free_text_is_found(tmp_path: Path) -> None:
    path = stack_file(tmp_path, githubRepository="your-repository")
    assert problems(path) == {"Pulumi.production.yaml": ["githubRepository"]}


@pytest.mark.requirement("S0-27")
def test_two_stacks_with_the_same_secret_are_found_by_its_print(tmp_path: Path) -> None:
    prints = {"apiSecretKey": "0123456789abcdef", "encryptKey": "aaaaaaaaaaaaaaaa"}
    one = stack_file(tmp_path, keyFingerprints=prints)
    other = stack_file(
        tmp_path,
        "development",
        environment="development",
        keyFingerprints={**prints, "encryptKey": "bbbbbbbbbbbbbbbb"},
    )
    assert problems(one, other) == {
        "Pulumi.production.yaml": ["apiSecretKey"],
        "Pulumi.development.yaml": ["apiSecretKey"],
    }
    assert problems(one) == {"Pulumi.production.yaml": []}


def test_the_command_tells_all_mistakes_and_ends_with_two(tmp_path: Path) -> None:
    path = stack_file(tmp_path, accountId="x", logLevel="loud")
    result = settings("check", str(path), "--json")
    assert result.returncode == 2
    document = json.loads(result.stdout)
    assert document["mistakes"] == 2
    assert [m["key"] for m in document["files"][0]["mistakes"]] == ["accountId", "logLevel"]
    assert "2 mistakes in the stack files" in result.stderr
    right = settings("check", str(stack_file(tmp_path)))
    assert (right.returncode, right.stdout) == (0, "Pulumi.production.yaml: no mistakes\n")


def test_the_schema_in_the_project_is_the_models() -> None:
    text = (PROJECT / "infra" / "settings" / "stack.schema.json").read_text()
    assert text == schema_text(), "stale: run `notifyctl settings schema --write`"


@pytest.mark.parametrize("path", stack_files(PROJECT), ids=lambda path: path.name)
def test_every_stack_file_names_the_schema_and_the_projects_own_keep_it(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=infra/settings/stack.schema.json\n")
    assert VALIDATOR.is_valid(yaml.safe_load(text)) == (".example" not in path.name)


@pytest.mark.parametrize(
    ("change", "is_valid"),
    [
        ({}, True),
        ({"rateLimitPerMinute": "7", "protectStores": "true", "crons": '["* * * * *"]'}, True),
        ({"crons": ["* * * * *"], "observabilitySampling": 0.5}, True),
        ({"pin": {"version": VERSION, "insteadOf": "a" * 64}}, True),
        ({"ciTokenExpiresOn": "2027-01-31"}, True),
        ({"rateLimitPerMinute": 0}, False),
        ({"protectStores": "yes"}, False),
        ({"accountId": "abc"}, False),
        ({"logLevel": "loud"}, False),
        ({"pin": {"version": VERSION}}, False),
        ({"unknownKey": "x"}, False),
        ({"apiSecretKey": "in clear"}, False),
        ({"logLevel": SECURE}, False),
        ({"cloudflare:apiToken": SECURE}, False),
        ({"github:owner": "my-team"}, True),
    ],
)
def test_the_schema_takes_what_the_check_takes(
    tmp_path: Path, change: dict[str, Any], is_valid: bool
) -> None:
    path = stack_file(tmp_path, **change)
    assert VALIDATOR.is_valid(yaml.safe_load(path.read_text())) == is_valid
    assert (problems(path)["Pulumi.production.yaml"] == []) == is_valid


def test_a_cron_that_never_fires_is_told_and_is_no_mistake(tmp_path: Path) -> None:
    path = stack_file(tmp_path, crons=["0 0 31 2 *"])
    shown = settings("check", str(path))
    assert shown.returncode == 0
    assert "no mistakes" in shown.stdout
    assert "warning: crons: '0 0 31 2 *' never fires" in shown.stdout
    document = json.loads(settings("check", str(path), "--json").stdout)
    assert [len(file["warnings"]) for file in document["files"]] == [1]


def test_one_mistake_is_one(commands: Commands, tmp_path: Path) -> None:
    path = stack_file(tmp_path, logLevel="loud")
    result = commands.run("settings", "check", str(path))
    assert failed_with(result, UsageError) == (
        "1 mistake in the stack files. Correct them there, or with "
        "`pulumi config set KEY VALUE --stack STACK`."
    )
    first, second = result.stdout.splitlines()
    assert first == "Pulumi.production.yaml: 1 mistake"
    assert second == (
        "  1. notification-system:logLevel = 'loud': one of debug, info, warn, error. Example: info"
    )


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("schema", "infra/settings/stack.schema.json", schema_text),
        ("table", "docs/infrastructure.md", settings_tables),
    ],
)
def test_what_is_made_from_the_model_is_printed_or_written(
    commands: Commands,
    tmp_path: Path,
    name: str,
    file: str,
    text: Callable[[], str],
) -> None:
    written = tmp_path / file
    written.parent.mkdir(parents=True)
    around = ("before\n" + BEGIN, END + "\nafter\n") if name == "table" else ("", "")
    written.write_text("stale".join(around))
    commands.replace("settings", open_project=lambda _: SimpleNamespace(root=tmp_path))
    assert commands.run("settings", name).stdout == text()
    assert written.read_text() == "stale".join(around)
    assert commands.run("settings", name, "--write").stdout == f"{written} is up to date.\n"
    assert written.read_text() == text().join(around)


@pytest.mark.parametrize("left", [BEGIN, END, ""])
def test_a_page_without_the_tables_place_stays_as_it_is(
    commands: Commands, tmp_path: Path, left: str
) -> None:
    page = tmp_path / "docs" / "infrastructure.md"
    page.parent.mkdir()
    page.write_text(left)
    commands.replace("settings", open_project=lambda _: SimpleNamespace(root=tmp_path))
    result = commands.run("settings", "table", "--write")
    assert failed_with(result, OperationError) == (
        f"{page} lacks the lines that enclose the table. Restore them."
    )
    assert page.read_text() == left
