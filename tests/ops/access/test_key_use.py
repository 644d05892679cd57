"""Which signing keys callers have used."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from notification.http.authentication import signing_key_id as id_in_the_worker
from ops.access.keys.use import KeyUse, key_uses, signing_key_id
from ops.cli.commands import keys
from ops.cli.main import command_line
from ops.stacks.account import StackAccount
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError
from tests.ops.answering_service import answering_service
from tests.ops.contexts import context_of

pytestmark = pytest.mark.requirement("S0-88")
NEW, OLD = "n" * 64, "o" * 64


def asked(status: int, body: bytes) -> list[KeyUse]:
    with answering_service() as api:
        api.answers = [(status, body)]
        account = StackAccount("production", "a" * 32, f"{api.url}/client/v4", True, "t" * 40)
        found = list(key_uses(account, worker="notification-system", current_key=NEW, days=1))
        assert b"FROM notification_system_calls" in api.seen[0]["body"]
        assert b"INTERVAL '1' DAY" in api.seen[0]["body"]
    return found


def test_each_key_is_named_by_its_id_with_its_last_use() -> None:
    rows = [
        {"key": signing_key_id(NEW), "calls": 12.0, "last": "2026-11-29 09:00:00"},
        {"key": signing_key_id(OLD), "calls": "3", "last": "2026-11-28 01:02:03"},
    ]
    newest, older = asked(200, json.dumps({"data": rows}).encode())
    assert newest == KeyUse(signing_key_id(NEW), 12, "2026-11-29T09:00:00Z", is_current=True)
    assert older == KeyUse(signing_key_id(OLD), 3, "2026-11-28T01:02:03Z", is_current=False)
    assert older.document()["key_id"] == signing_key_id(OLD)


def test_worker_and_command_name_a_key_alike_and_reveal_nothing_of_it() -> None:
    assert signing_key_id(NEW) == id_in_the_worker(NEW)
    assert signing_key_id(NEW) != signing_key_id(OLD)
    assert len(signing_key_id(NEW)) == 8


@pytest.mark.parametrize(("status", "body"), [(422, b"no table"), (200, b'{"data": [{}]}')])
def test_what_the_account_does_not_tell_is_an_error(status: int, body: bytes) -> None:
    with pytest.raises(OperationError):
        asked(status, body)


class Rotations:
    """What the command asked the rotation for, and what had been shown by then."""

    def __init__(self, shown: io.StringIO) -> None:
        self.shown = shown
        self.before_finish = ""

    def __call__(self, _: StackContext) -> Rotations:
        return self

    def finish(self, keys: Sequence[str]) -> object:
        self.before_finish = self.shown.getvalue()
        return SimpleNamespace(keys=tuple(keys), document=dict, update=None, seconds=0.0)


@pytest.mark.parametrize(
    ("uses", "unknown", "warned"),
    [
        ([KeyUse("0a1b2c3d", 3, "2026-11-28T01:02:03Z", is_current=False)], "", True),
        ([KeyUse("0a1b2c3d", 3, "2026-11-28T01:02:03Z", is_current=True)], "", False),
        ([], "Cloudflare refused", True),
        ([], "", False),
    ],
)
def test_the_end_of_a_rotation_warns_before_it_while_the_old_key_is_in_use(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uses: list[KeyUse],
    unknown: str,
    warned: bool,
) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text("config: {}\n")
    reporter = Reporter()
    reporter.console.file = shown = io.StringIO()
    context = context_of(tmp_path, reporter=reporter)
    rotations = Rotations(shown)
    monkeypatch.setattr(keys, "open_stack", lambda *_: context)
    monkeypatch.setattr(keys, "Rotation", rotations)
    monkeypatch.setattr(keys, "_uses", lambda *_, days: (uses if days == 1 else (), unknown))
    CliRunner().invoke(command_line(["keys"]), ["keys", "rotate", "-s", "local", "--finish"])
    assert ("warning: " in rotations.before_finish) == warned
    if warned and uses:
        assert "0a1b2c3d signed 3 calls in the last day" in rotations.before_finish
        assert "2026-11-28T01:02:03Z" in rotations.before_finish
    if unknown:
        assert unknown in rotations.before_finish
