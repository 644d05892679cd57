"""What the state has already is never imported over itself."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.components.adoption import Adoption
from infra.stack_state import STATE_FILE_VARIABLE, read_state
from tests.infra.stack_inputs import ACCOUNT, checked_config

D1 = "cloudflare:index/d1Database:D1Database"
QUEUE = "cloudflare:index/queue:Queue"
ASKED = Adoption("account", database_id="db-1", failed_queue_id="queue-1")


def entry(type_: str, name: str, identifier: str, **others: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::notification-system::notification-system:index:Stores${type_}::{name}"
    return {"urn": urn, "type": type_, "id": identifier, "custom": True, **others}


def test_what_the_stack_made_is_not_imported_and_the_rest_is() -> None:
    left = ASKED.without_managed([entry(D1, "database", "db-1")])
    assert left == replace(ASKED, database_id=None)
    assert ASKED.without_managed([entry(QUEUE, "retry-queue", "queue-2")]) == ASKED
    assert ASKED.without_managed([]) == ASKED


def test_what_a_plain_import_put_outside_of_the_component_is_the_same_resource() -> None:
    for name in ("database", "by-hand"):
        alone = {"urn": f"urn:pulumi:dev::notification-system::{D1}::{name}", "type": D1}
        left = ASKED.without_managed([{**alone, "id": "db-1"}])
        assert left == replace(ASKED, database_id=None, former_urns={"database_id": alone["urn"]})
        base = pulumi.ResourceOptions(protect=True)
        options = left.options(base, "database_id")
        assert (options.aliases, options.import_, options.protect) == ([alone["urn"]], None, True)
    assert left.options(base, "failed_queue_id").import_ == "account/queue-1"
    assert left.options(base, "worker_id") is base


FURTHER = Adoption("account", further_databases={"database-1": "db-1", "database-2": "db-2"})


def test_each_further_database_is_imported_where_the_state_has_it_not() -> None:
    base = pulumi.ResourceOptions(protect=True)
    assert FURTHER.options(base, "database-2").import_ == "account/db-2"
    assert FURTHER.options(base, "database-3") is base
    left = FURTHER.without_managed([entry(D1, "database-1", "db-1")])
    assert left.given == {"database-2": "db-2"}
    with pytest.raises(pulumi.RunError) as refused:
        FURTHER.without_managed([entry(D1, "database-1", "db-9"), entry(D1, "database-3", "db-2")])
    assert str(refused.value).splitlines()[1:] == [
        (
            "  1. adoptFurtherDatabaseIds: the stack manages db-9 in that place already, and not "
            "db-1. Take the setting out to keep the one that it has."
        ),
        (
            "  2. adoptFurtherDatabaseIds: the stack manages db-2 as its database-3 already. "
            "Correct the id."
        ),
    ]


def test_further_databases_are_settings_by_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.components.adoption.read_state", list)
    ids = [f"18f97339-c287-4872-9bdd-e2135c07ec1{n}" for n in range(8)]
    settings = checked_config(adoptFurtherDatabaseIds=json.dumps(ids[:2])).settings()
    assert Adoption.of_settings(settings).given == {"database-1": ids[0], "database-2": ids[1]}
    for wrong in (ids, [ids[0], ids[0]], ["prod"]):
        [problem] = checked_config(adoptFurtherDatabaseIds=json.dumps(wrong)).mistakes()
        assert problem.key == "adoptFurtherDatabaseIds"


def test_a_type_or_a_name_of_another_resource_means_nothing() -> None:
    kv, version = "cloudflare:index/aNamespace:ANamespace", "cloudflare:index/worker:Worker"
    state = [
        *(entry(type_, "database", "db-1") for type_ in (QUEUE, kv, version)),
        *(entry(D1, name, id_) for name, id_ in (("elsewhere", "db-2"), ("a", "a"), ("z", "z"))),
        {"type": D1, "urn": "urn:pulumi:dev::notification-system::x::database"},
    ]
    assert ASKED.without_managed(state) == ASKED


@pytest.mark.parametrize(
    ("state", "text"),
    [
        *(
            (
                entry(D1, "database", there),
                (
                    f"adoptDatabaseId: the stack manages {there} in that place already, and not "
                    "db-1. Take the setting out to keep the one that it has."
                ),
            )
            for there in ("db-2", "db-0")
        ),
        *(
            (
                entry(QUEUE, name, "queue-1"),
                (
                    f"adoptFailedQueueId: the stack manages queue-1 as its {name} already. Correct "
                    "the id."
                ),
            )
            for name in ("retry-queue", "a-queue")
        ),
        (
            entry(D1, "database", "db-1", delete=True),
            (
                "adoptDatabaseId: the state marks db-1 for deletion, and the next update would "
                "delete it. Run 'notifyctl recover', which takes that entry out."
            ),
        ),
    ],
)
def test_what_would_be_replaced_or_deleted_is_refused(state: dict[str, Any], text: str) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        ASKED.without_managed([state])
    assert text in str(refused.value)
    assert "Nothing was changed" in str(refused.value)


def test_a_replaced_resource_that_waits_for_its_deletion_holds_no_place() -> None:
    state = [entry(D1, "database", "db-2", delete=True), entry(D1, "database", "db-1")]
    assert ASKED.without_managed(state).database_id is None


def test_every_refusal_is_told_at_once() -> None:
    with pytest.raises(pulumi.RunError) as refused:
        ASKED.without_managed(
            [entry(D1, "database", "db-2"), entry(QUEUE, "failed-queue", "queue-3")]
        )
    assert "1. adoptDatabaseId" in str(refused.value)
    assert "2. adoptFailedQueueId" in str(refused.value)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` that prints what a file beside it holds."""
    program = tmp_path / "pulumi"
    program.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "(here / 'asked').write_text(' '.join(sys.argv[1:]))\n"
        "print((here / 'answer').read_text())\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(STATE_FILE_VARIABLE, raising=False)
    monkeypatch.setattr(pulumi, "get_organization", lambda: "organization")
    monkeypatch.setattr(pulumi, "get_project", lambda: "notification-system")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")
    return tmp_path


def test_the_cli_is_asked_for_the_state_of_the_stack_that_runs(cli: Path) -> None:
    found = entry(D1, "database", "db-1")
    (cli / "answer").write_text(json.dumps({"version": 3, "deployment": {"resources": [found]}}))
    assert read_state() == [found]
    assert (cli / "asked").read_text() == (
        "stack export --stack organization/notification-system/dev --non-interactive"
    )
    (cli / "answer").write_text(json.dumps({"version": 3, "deployment": {}}))
    assert read_state() == []


@pytest.mark.parametrize("answer", [None, "no JSON", '{"deployment": {"resources": ["text"]}}'])
def test_a_state_that_cannot_be_read_stops_the_import(cli: Path, answer: str | None) -> None:
    if answer is None:
        (cli / "pulumi").unlink()
    else:
        (cli / "answer").write_text(answer)
    with pytest.raises(pulumi.RunError, match="state can't be read"):
        read_state()


def test_a_cli_that_fails_or_hangs_stops_the_import(
    cli: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cli / "answer").write_text('{"deployment": {}}')
    asked: list[dict[str, Any]] = []
    original = subprocess.run

    def run(command: list[str], **options: Any) -> Any:
        asked.append(options)
        return original(command, **options)

    monkeypatch.setattr(subprocess, "run", run)
    assert read_state() == []
    assert asked == [
        {
            "capture_output": True,
            "text": True,
            "check": True,
            "stdin": subprocess.DEVNULL,
            "timeout": 60,
        }
    ]
    (cli / "pulumi").write_text("#!/bin/sh\necho '{}'\nexit 3\n")
    with pytest.raises(pulumi.RunError) as refused:
        read_state()
    assert str(refused.value) == (
        "The stack's state can't be read (CalledProcessError), so it isn't known whether the stack "
        "made what it is told to import; nothing was changed. Take the adopt… settings out, or run "
        "'notifyctl import', which looks before it imports."
    )


@pytest.mark.parametrize(
    "document",
    ['{"checkpoint": 1}', '{"deployment": []}', "[]", '{"deployment": {"resources": 1}}'],
)
def test_a_state_of_another_form_is_not_taken_for_an_empty_one(cli: Path, document: str) -> None:
    (cli / "answer").write_text(document)
    with pytest.raises(pulumi.RunError, match=r"can't be read \(ValueError\)"):
        read_state()


def test_a_checkpoint_is_read_where_no_cli_runs_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "dev.json"
    monkeypatch.setenv(STATE_FILE_VARIABLE, str(file))
    assert read_state() == ()
    found = entry(D1, "database", "db-1")
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [found]}}}))
    assert read_state() == [found]
    file.write_text(json.dumps({"version": 3, "checkpoint": {"stack": "dev"}}))
    assert read_state() == []


IDS = {
    "adoptDatabaseId": ("database_id", "18f97339-c287-4872-9bdd-e2135c07ec12"),
    "adoptNamespaceId": ("namespace_id", "1" * 32),
    "adoptRetryQueueId": ("retry_queue_id", "2" * 32),
    "adoptFailedQueueId": ("failed_queue_id", "3" * 32),
    "adoptWorkerId": ("worker_id", "4" * 32),
}


@pytest.mark.parametrize("keys", [(), *((key,) for key in IDS), tuple(IDS)])
def test_the_state_is_asked_where_something_is_adopted_and_not_otherwise(
    monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...]
) -> None:
    asked: list[str] = []

    def state() -> list[dict[str, Any]]:
        asked.append("state")
        return []

    monkeypatch.setattr("infra.components.adoption.read_state", state)
    settings = checked_config(**{key: IDS[key][1] for key in keys}).settings()
    wanted: dict[str, Any] = dict(IDS[key] for key in keys)
    assert Adoption.of_settings(settings) == Adoption(ACCOUNT, **wanted)
    assert asked == ["state"] * bool(keys)
