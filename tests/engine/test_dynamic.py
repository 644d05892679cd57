"""Resources whose provider is the program's own code."""

import subprocess
import sys
from pathlib import Path

import psutil

from tests.engine.engine_process import lives
from tests.engine.test_lifecycle import names
from tests.engine.workspace import CANARY, Workspace
from tests.eventually import eventually


def calls(workspace: Workspace) -> list[str]:
    journal = Path(workspace.config["folder"]) / "calls.txt"
    lines = journal.read_text().splitlines() if journal.exists() else []
    journal.unlink(missing_ok=True)
    return lines


def test_dynamic_resources_live_as_any_other(records: Workspace) -> None:
    assert records.up().changes == {"create": 3}
    assert calls(records) == ["create one", "create record-one"]
    assert records.resource("first")["outputs"]["length"] == 3
    assert records.up().changes == {"same": 3}
    assert calls(records) == ["diff record-one", "diff record-record-one"]
    records.edit('"one"', '"two"')
    assert names(records.up().steps) == [("update", "first")]
    records.edit('"two"', '"new"')
    steps = names(records.up().steps)
    assert steps == [("replace", "first"), ("update", "second"), ("delete-replaced", "first")]
    records.edit('"new"', '"newest"')
    calls(records)
    steps = names(records.up().steps)
    assert steps == [("delete-replaced", "first"), ("replace", "first"), ("update", "second")]
    order = [call for call in calls(records) if not call.startswith("diff")]
    assert order[:2] == ["delete record-new", "create newest"]
    assert records.engine().destroy().changes == {"delete": 3}
    assert list(Path(records.config["folder"]).glob("record-*")) == []


def test_a_preview_calls_nothing_that_changes(records: Workspace) -> None:
    assert records.engine().preview().changes == {"create": 3}
    assert calls(records) == []
    assert not records.stack_file.exists()


def test_a_refresh_finds_what_is_gone_and_the_next_up_makes_it_again(records: Workspace) -> None:
    records.up()
    (Path(records.config["folder"]) / "record-one").unlink()
    assert names(records.engine().refresh(preview_only=True).steps) == [("delete", "first")]
    assert records.up().changes == {"same": 3}
    refreshed = records.engine().refresh()
    assert refreshed.changes == {"delete": 1, "same": 2}
    assert records.resource("second").get("dependencies", []) == []
    assert names(records.up().steps) == [("create", "first")]


def test_a_failing_step_keeps_what_was_done_and_is_told_without_secrets(
    records: Workspace,
) -> None:
    records.edit('"text": first.id', '"text": first.id.apply(lambda _: "refuse")')
    records.edit(
        r'\{"folder": folder, "text": first',
        '{"secret": config.require_secret("apiKey"), "folder": folder, "text": first',
    )
    failed = records.engine().up()
    assert failed.result == "failed"
    assert failed.message.startswith(
        "create of pulumi-python:dynamic/probe:Record 'second' failed: the record is refused"
    )
    assert "Traceback" not in failed.message
    assert "up again" in failed.message
    assert CANARY not in records.everything_written()
    assert records.resource("first")["id"] == "record-one"
    assert "pending_operations" not in records.state()
    assert records.engine().history()[0]["result"] == "failed"
    records.edit('"refuse"', '"fine"')
    assert records.up().changes == {"create": 1, "same": 2}


def test_secrets_are_marked_in_inputs_and_outputs(records: Workspace) -> None:
    records.up()
    first = records.resource("first")
    for side in ("inputs", "outputs"):
        assert "ciphertext" in first[side]["secret"]
        assert "ciphertext" in first[side]["__provider"]
        assert first[side]["text"] == "one"
    assert CANARY not in records.everything_written()


def test_the_children_die_with_the_engine(records: Workspace) -> None:
    outside = Path(records.config["folder"])
    (outside / "wait-in-create").touch()
    records.write_config()
    command = [sys.executable, "-m", "tests.engine.engine_process", str(records.folder)]
    engine = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    journal = outside / "calls.txt"
    eventually(lambda: journal.exists() and "waiting" in journal.read_text(), what="the create")
    children = psutil.Process(engine.pid).children(recursive=True)
    assert len(children) == 2
    engine.kill()
    engine.wait()
    eventually(lambda: not any(map(lives, children)), what="the children's end")
    (outside / "wait-in-create").unlink()
    again = records.engine().up()
    assert again.result == "succeeded", again.message
    assert "pending_operations" not in records.state()
    assert "Removed the lock" in records.said()
    assert "was being created when an earlier run was killed" in records.said()
