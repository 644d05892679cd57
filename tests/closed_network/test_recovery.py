"""An update that is killed or cut off is recovered by one command, and no store is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.closed_network.faults import Fault
from tests.closed_network.network import IN_A_CLOSED_NETWORK, LIMIT
from tests.closed_network.operator import Operator, kill_all
from tests.eventually import eventually

pytestmark = [*IN_A_CLOSED_NETWORK, pytest.mark.soak]
STACK = ("--stack", "development")


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with Operator.at_work(tmp_path) as made:
        made.set_up()
        yield made


def test_a_first_update_that_was_killed_is_recovered(operator: Operator) -> None:
    # The Worker is made, and nobody hears of it.
    operator.faults.order(Fault("POST .*/workers/workers"))
    process = operator.start("up", *STACK)
    operator.faults.await_held(LIMIT)
    kill_all(process)
    operator.faults.clear()
    stores = operator.ids()
    assert [len(found) for found in stores.values()] == [1, 1, 2, 1]

    told = operator.fails("up", *STACK, code=4)
    assert "The stack is locked by" in told
    assert "'notifyctl recover --stack development'" in told

    # As after a loss of power: the checkpoint that was being written is cut off.
    file = state_file(operator)
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole[: len(whole) // 2], encoding="utf-8")
    for command in ("up", "status", "outputs", "destroy"):
        agreed = ("--yes",) if command == "destroy" else ()
        told = operator.fails(command, *STACK, *agreed, code=4)
        assert f"The state {file} is damaged" in told, command
        assert f"The newest whole copy is {file}.bak. 'notifyctl recover --stack" in told
    told = operator.fails("recover", *STACK, code=2)
    assert f"{file}.bak of 20" in told
    assert told.rstrip().endswith("give --yes, or run it on a terminal.")
    assert file.read_text(encoding="utf-8") == whole[: len(whole) // 2]

    report = operator.json("recover", "--yes")
    assert report["state_restored_from"] == f"{file}.bak"
    assert report["unlocked"]
    assert any("the Worker " in what for what in report["imported"])
    assert operator.ids() == stores
    operator.ctl("preview", *STACK, "--expect-no-changes")
    again = operator.json("recover")
    assert again["state_restored_from"] is None
    assert (again["unlocked"], again["pending_operations"], again["imported"]) == (None, [], [])
    assert operator.ids() == stores


def test_plugins_end_with_a_cli_that_was_killed_and_its_lock_is_taken_away(
    operator: Operator,
) -> None:
    operator.faults.order(Fault("POST .*/storage/kv/namespaces"))
    process = operator.start("up", *STACK)
    operator.faults.await_held(LIMIT)
    family = psutil.Process(process.pid).children(recursive=True)
    cli = next(one for one in family if one.name() == "pulumi")
    plugins = cli.children(recursive=True)
    assert plugins
    # The CLI writes its checkpoint in place: killed at that moment it leaves half of one.
    eventually(lambda: both_queues_are_kept(operator), what="the checkpoint with both queues")
    cli.kill()
    _, told = process.communicate(timeout=LIMIT)
    assert process.returncode == 4, told
    assert [one for one in plugins if one.is_running() and one.status() != "zombie"] == []
    operator.faults.clear()
    stores = operator.ids()

    # The namespace is there, and no state knows it: an update stumbles over it.
    report = operator.json("recover")
    assert any(what.startswith("creating ") for what in report["pending_operations"])
    assert any("KV namespace" in what for what in report["imported"])
    after = operator.ids()
    assert all(set(found) <= set(after[path]) for path, found in stores.items())
    assert [len(found) for found in after.values()] == [1, 1, 2, 1]
    operator.ctl("preview", *STACK, "--expect-no-changes")


def state_file(operator: Operator) -> Path:
    """Return the checkpoint of the stack."""
    folder = Path(operator.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    (file,) = folder.glob(".pulumi/stacks/*/development.json")
    return file


def both_queues_are_kept(operator: Operator) -> bool:
    """Say whether the state holds all that the update can make beside the held call."""
    try:
        latest = json.loads(state_file(operator).read_text(encoding="utf-8"))["checkpoint"][
            "latest"
        ]
    except ValueError:
        return False
    made = {entry["urn"].rpartition("::")[2] for entry in latest["resources"] if entry.get("id")}
    return {"database", "retry-queue", "failed-queue"} <= made
