"""An update that ends between the traffic and the stack's outputs: the ledger is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from ops.database.stack_database import serving_level
from ops.stacks import embedded
from ops.stacks.driver import with_ledger
from ops.stacks.embedded import EmbeddedDriver
from ops.stacks.local_stack import LocalStack
from ops.stacks.project import Project

Document = dict[str, Any]


def entry(version: str, *, level: int, **shares: float) -> Document:
    serving = [
        {"version_id": name, "percentage": share}
        for name, share in (shares or {version: 100}).items()
    ]
    return {
        "version_id": version,
        "code_level": level,
        "at": "2026-11-29T08:00:00Z",
        "serving": serving,
    }


OLD, NEW = entry("old", level=1), entry("new", level=2)
OUTPUTS = {
    "worker_name": "w",
    "release": {"version_id": "old", "code_level": 1},
    "releases": [OLD],
    "version_id": "old",
    "serving": OLD["serving"],
    "serving_version_id": "old",
}


def ledger(*entries: Document, **more: object) -> list[Document]:
    found = {"type": "pulumi-python:releases:ReleaseLedger", "outputs": {"releases": [*entries]}}
    return [{"type": "pulumi:pulumi:Stack"}, {**found, **more}]


def test_the_ledger_is_believed_where_the_outputs_are_older() -> None:
    found = with_ledger(OUTPUTS, ledger(NEW, OLD))

    assert found == {
        "worker_name": "w",
        "release": {"version_id": "new", "code_level": 2},
        "releases": [NEW, OLD],
        "version_id": "new",
        "serving": [{"version_id": "new", "percentage": 100}],
        "serving_version_id": "new",
    }
    # A migration that the new code needs isn't taken back under it.
    assert (serving_level(OUTPUTS), serving_level(found)) == (1, 2)


def test_a_pinned_version_serves_although_another_one_is_the_newest() -> None:
    found = with_ledger(OUTPUTS, ledger(entry("new", level=2, old=90, new=10), OLD))

    assert (found["version_id"], found["serving_version_id"]) == ("new", "old")


@pytest.mark.parametrize(
    "resources",
    [
        pytest.param(ledger(OLD), id="the same"),
        pytest.param(ledger(NEW, OLD, delete=True), id="waits for its deletion"),
        pytest.param(ledger(), id="empty"),
        pytest.param([{"type": "pulumi:pulumi:Stack"}], id="none"),
    ],
)
def test_outputs_stay_as_they_are_where_the_ledger_says_nothing_else(
    resources: list[Document],
) -> None:
    assert with_ledger(OUTPUTS, resources) is OUTPUTS


def test_a_first_deployment_that_was_cut_off_has_no_outputs() -> None:
    assert with_ledger({}, ledger(NEW)) == {}


@pytest.mark.parametrize(("entries", "unfinished"), [((OLD,), False), ((NEW, OLD), True)])
def test_every_reader_of_a_driver_gets_the_ledgers_version(
    entries: tuple[Document, ...],
    unfinished: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    class Engine:
        def __init__(self, **_: Any) -> None:
            pass

        def outputs(self, *, show_secrets: bool) -> Document:
            return OUTPUTS

        def export(self, *, show_secrets: bool) -> Document:
            return {"deployment": {"resources": ledger(*entries)}}

    monkeypatch.setattr(embedded, "EmbeddedEngine", Engine)
    settings = {"environment": {}, "state_file": tmp_path / "s", "backend_dir": tmp_path}
    named = {"stack": "local", "config_file": tmp_path, "passphrase": "x", "key_file": tmp_path}
    local = cast(LocalStack, type("Local", (), {**settings, **named})())
    driver = EmbeddedDriver(Project(tmp_path, tmp_path), local)

    assert driver.outputs(show_secrets=False)["version_id"] == entries[0]["version_id"]
    assert driver.is_unfinished() is unfinished
