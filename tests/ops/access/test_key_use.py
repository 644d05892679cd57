"""Which signing keys callers have used."""

from __future__ import annotations

import json

import pytest

from notification.http.authentication import signing_key_id as id_in_the_worker
from ops.access.keys.use import KeyUse, key_uses, signing_key_id
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError
from tests.ops.answering_service import answering_service

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
