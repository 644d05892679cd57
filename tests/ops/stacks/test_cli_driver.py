"""How the driver of the real CLI asks, and what it makes of the answers; without a CLI."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.stacks.cli import CliDriver
from ops.stacks.cli_workspace import backend_folder
from ops.stacks.driver import HistoryEntry, Progress, StackUpdate
from ops.stacks.errors import StackMissing

START = datetime(2026, 11, 29, 8, tzinfo=UTC)


class Operation:
    """One of the automation API's enumeration."""

    def __init__(self, value: str) -> None:
        self.value = value


def summary(**changes: Any) -> Any:
    told = {
        "kind": "update", "version": 7, "start_time": START, "result": "succeeded",
        "end_time": START + timedelta(seconds=90), "message": "a release",
        "resource_changes": {Operation("create"): 2, "same": 3},
    }  # fmt: skip
    return SimpleNamespace(**{**told, **changes})


class Stack:
    """A stack of the automation API that notes how it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.summary = summary()
        self.pages: list[list[Any]] = []
        self.read: list[tuple[Any, ...]] = []
        self.config: Any = None

    def _run(self, name: str, asked: dict[str, Any]) -> Any:
        self.asked.append((name, asked))
        asked["on_output"]("a line\n")
        outputs = {"url": SimpleNamespace(value="http://service")}
        return SimpleNamespace(summary=self.summary, outputs=outputs)

    def up(self, **asked: Any) -> Any:
        return self._run("up", asked)

    def refresh(self, **asked: Any) -> Any:
        return self._run("refresh", asked)

    def destroy(self, **asked: Any) -> Any:
        return self._run("destroy", asked)

    def preview(self, **asked: Any) -> Any:
        self.asked.append(("preview", asked))
        event = dict.fromkeys(
            ("resource_pre_event", "diagnostic_event", "res_outputs_event", "policy_event")
        )
        for operation, urn in (("create", "urn:a"), ("same", "urn:b"), ("delete", "urn:c")):
            step = SimpleNamespace(metadata=SimpleNamespace(op=Operation(operation), urn=urn))
            asked["on_event"](SimpleNamespace(**{**event, "resource_pre_event": step}))
        asked["on_event"](SimpleNamespace(**event))
        return SimpleNamespace(change_summary={Operation("create"): 1, Operation("same"): 1})

    def history(self, size: int, page: int, *, show_secrets: bool) -> list[Any]:
        self.read.append((size, page, show_secrets))
        return self.pages[page - 1] if page <= len(self.pages) else []

    def set_all_config(self, values: Any) -> None:
        self.config = values


class Workspace:
    """A workspace whose CLI answers as told."""

    name = "dev"
    config_file: str | None = "settings.yaml"

    def __init__(self) -> None:
        self.found = Stack()
        self.notice = ""
        self.missing = False
        self.commands: list[tuple[str, ...]] = []
        self.answers: dict[str, Any] = {}
        self.imported: Any = None
        self.removed = False

    @property
    def stack(self) -> Stack:
        if self.missing:
            raise StackMissing("There is no stack 'dev'.")
        return self.found

    def made(self) -> Stack:
        return self.found

    @contextmanager
    def elsewhere(self) -> Any:
        yield self.found, "own.yaml"

    def remove(self) -> None:
        self.removed = True

    def run(self, *arguments: str) -> str:
        self.commands.append(arguments)
        if "--file" in arguments:
            file = Path(arguments[-1])
            self.imported = (json.loads(file.read_text()), file.stat().st_mode & 0o777, file)
        return json.dumps(self.answers.get(arguments[1] if len(arguments) > 1 else "", {}))


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


def driver(workspace: Any) -> CliDriver:
    return CliDriver(workspace)


DONE = {"create": 2, "same": 3}


def test_an_update_hands_its_message_on_and_shows_no_secret(workspace: Workspace) -> None:
    shown: list[Progress] = []
    workspace.notice = "The CLI of npm's package is used."
    done = driver(workspace).up(shown.append, message="a release")
    assert done == StackUpdate("update", DONE, {"url": "http://service"}, 7, 90.0)
    assert shown == [Progress(workspace.notice, severity="warning"), Progress("a line")]
    [(name, asked)] = workspace.found.asked
    assert name == "up"
    for key, value in {
        "message": "a release", "color": "never", "config_file": "settings.yaml",
        "show_secrets": False,
    }.items():  # fmt: skip
        assert asked[key] == value


@pytest.mark.parametrize("clear", [True, False])
def test_a_refresh_may_forget_pending_creations(workspace: Workspace, clear: bool) -> None:
    shown: list[Progress] = []
    workspace.found.summary = summary(kind="refresh", end_time=None, resource_changes=None)
    done = driver(workspace).refresh(shown.append, clear_pending_creates=clear)
    assert done == StackUpdate("refresh", {}, {}, 7, 0.0)
    [(_, asked)] = workspace.found.asked
    assert asked["clear_pending_creates"] is clear
    assert asked["show_secrets"] is False
    assert shown == [Progress("a line")]


def test_a_removal_keeps_the_history_and_remove_takes_the_stack(workspace: Workspace) -> None:
    done = driver(workspace).destroy(lambda _: None)
    assert (done.changes, done.outputs) == (DONE, {})
    [(name, asked)] = workspace.found.asked
    assert (name, asked["show_secrets"], asked["config_file"]) == (
        "destroy", False, "settings.yaml",
    )  # fmt: skip
    assert not workspace.removed
    driver(workspace).remove()
    assert workspace.removed


@pytest.mark.parametrize("missing", [True, False])
def test_a_preview_lists_what_would_change(workspace: Workspace, missing: bool) -> None:
    shown: list[Progress] = []
    workspace.missing = missing
    done = driver(workspace).preview(shown.append)
    assert done.kind == "preview"
    assert done.changes == {"create": 1, "same": 1}
    assert done.steps == (("create", "urn:a"), ("delete", "urn:c"))
    [(_, asked)] = workspace.found.asked
    assert asked["config_file"] == ("own.yaml" if missing else "settings.yaml")
    warned = Progress(
        "There is no stack 'dev'. This plans its first deployment.", severity="warning"
    )
    assert shown == ([warned] if missing else [])


def test_commands_of_the_cli_are_asked_as_it_takes_them(workspace: Workspace) -> None:
    found = driver(workspace)
    found.unprotect()
    found.unlock()
    found.export()
    found.export(show_secrets=True)
    assert found.locks() is None
    assert workspace.commands == [
        ("state", "unprotect", "--all", "--yes"),
        ("cancel", "--yes"),
        ("stack", "export"),
        ("stack", "export", "--show-secrets"),
    ]
    found.set_secrets({"apiSecretKey": "s"})
    value = workspace.found.config["apiSecretKey"]
    assert (value.value, value.secret) == ("s", True)


def test_a_state_goes_back_by_a_file_that_nobody_else_reads(workspace: Workspace) -> None:
    driver(workspace).replace_state({"version": 3})
    content, mode, file = workspace.imported
    assert (content, mode) == ({"version": 3}, 0o600)
    assert workspace.commands == [("stack", "import", "--file", str(file))]
    assert not file.exists()


LEDGER = {
    "type": "pulumi-python:dynamic:ReleaseLedger",
    "outputs": {
        "releases": [
            {"version_id": "v2", "at": "now", "serving": [{"version_id": "v2", "percentage": 100}]}
        ]
    },
}


@pytest.mark.parametrize("show_secrets", [True, False])
def test_outputs_follow_the_ledger_of_an_update_that_was_cut_off(
    workspace: Workspace, show_secrets: bool
) -> None:
    workspace.answers["output"] = {"version_id": "v1", "releases": []}
    workspace.answers["export"] = {"deployment": {"resources": [LEDGER]}}
    found = driver(workspace)
    assert found.outputs(show_secrets=show_secrets)["version_id"] == "v2"
    asked = ("--show-secrets",) if show_secrets else ()
    assert workspace.commands[0] == ("stack", "output", "--json", *asked)
    assert workspace.commands[1] == ("stack", "export")
    assert found.is_unfinished()
    workspace.answers["export"] = {"deployment": None}
    assert found.resources() == []
    assert found.outputs(show_secrets=False)["version_id"] == "v1"
    assert not found.is_unfinished()


def test_the_history_is_read_to_its_beginning(workspace: Workspace) -> None:
    full = [summary(version=None) for _ in range(100)]
    last = [
        summary(version=9, kind=Operation("refresh").value, result="failed"),
        summary(version=None, end_time=None, resource_changes=None),
    ]
    workspace.found.pages = [full, last]
    found = driver(workspace).history()
    assert workspace.found.read == [(100, 1, False), (100, 2, False)]
    assert [entry.version for entry in found] == [*range(102, 2, -1), 9, 1]
    began = int(START.timestamp())
    assert found[0] == HistoryEntry(
        102, "update", began, began + 90, "succeeded", "a release", DONE
    )
    assert (found[-1].ended, found[-1].changes) == (0, {})
    workspace.found.pages = [full]
    assert len(driver(workspace).history()) == 100


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///var/state", "/var/state"),
        ("file://state?metadata=skip", "/work/state"),
        ("file://~/state", "~/state"),
        ("s3://state", None),
        ("https://api.pulumi.com", None),
        ("", None),
    ],
)
def test_the_folder_of_a_file_backend(url: str, folder: str | None) -> None:
    found = backend_folder(url, Path("/work"))
    assert found == (None if folder is None else Path(folder).expanduser())
