"""Who is admitted to the API, at each bound of time, and whose token a request carries."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from localcloud.api.envelope import ApiError
from localcloud.api.permission_groups import ACCOUNT, PERMISSION_GROUPS
from localcloud.api.token_gate import Caller, TokenGate, digest
from localcloud.clock import VirtualClock
from localcloud.database import Database
from localcloud.endpoints import ACCOUNT_ID
from localcloud.schema import CONTROL_PLANE

START_MS = 1_767_225_600_000
HOUR_MS = 3_600_000
QUEUES = f"/accounts/{ACCOUNT_ID}/queues"
[QUEUES_READ] = [
    group.id for group in PERMISSION_GROUPS if (group.name, group.scope) == ("Queues Read", ACCOUNT)
]


class Gate:
    """A gate with a clock that stands still, and one token that may read the queues."""

    def __init__(self, folder: Path, **columns: Any) -> None:
        self.now_ms = START_MS
        self.database = Database(folder / "tokens.sqlite3", CONTROL_PLANE)
        clock = VirtualClock(self.database, real_ms=lambda: self.now_ms)
        self.gate = TokenGate(self.database, clock, "the-local-token")
        policy = {
            "effect": "allow",
            "permission_groups": [{"id": QUEUES_READ}],
            "resources": {f"{ACCOUNT}.{ACCOUNT_ID}": "*"},
        }
        row = {
            "id": "token-1",
            "name": "ci",
            "policies": json.dumps([policy]),
            "status": "active",
            "issued_on": at(0),
            "modified_on": at(0),
            "value_sha256": digest("minted"),
            **columns,
        }
        self.database.execute(
            f"INSERT INTO account_tokens ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
            *row.values(),
        )

    def admit(
        self, path: str = QUEUES, *, bearer: str = "minted", method: str = "GET", **scope: Any
    ) -> Caller | None:
        """Ask the gate for one request."""
        headers = [(b"authorization", f"Bearer {bearer}".encode())] if bearer else []
        return self.gate.admit(
            Request(
                {
                    "type": "http",
                    "method": method,
                    "path": f"/client/v4{path}",
                    "query_string": b"",
                    "headers": headers,
                    "client": ("192.0.2.7", 1),
                    **scope,
                }
            )
        )

    def outcome(self, path: str = QUEUES, **call: Any) -> tuple[int, int] | str:
        """Status and code of a refusal, or the id of the caller."""
        try:
            caller = self.admit(path, **call)
        except ApiError as error:
            return error.status, error.code
        return "" if caller is None else caller.id

    def last_used_on(self) -> object:
        row = self.database.row("SELECT last_used_on FROM account_tokens")
        assert row is not None
        return row["last_used_on"]


def at(after_ms: int) -> str:
    moment = datetime.fromtimestamp((START_MS + after_ms) / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_the_local_token_has_an_id_of_cloudflares_form_that_a_restart_keeps(
    tmp_path: Path,
) -> None:
    first, again = (Gate(tmp_path, id=name, value_sha256=name) for name in ("one", "two"))
    found = first.outcome(bearer="the-local-token")
    assert isinstance(found, str)
    assert re.fullmatch("[0-9a-f]{32}", found)
    assert again.outcome(bearer="the-local-token") == found


def test_a_caller_has_the_policies_of_its_token(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    minted, local = gate.admit(), gate.admit(bearer="the-local-token")
    assert minted is not None
    assert local is not None
    assert minted.id == "token-1"
    assert [policy["effect"] for policy in minted.policies] == ["allow"]
    assert (local.row, local.policies) == (None, [])


@pytest.mark.parametrize(
    ("path", "call", "outcome"),
    [
        (QUEUES, {}, "token-1"),
        (QUEUES, {"method": "POST"}, (403, 10000)),
        (QUEUES, {"bearer": ""}, (400, 9106)),
        (QUEUES, {"bearer": "other"}, (401, 10000)),
        (QUEUES, {"headers": [(b"authorization", b"Basic minted")]}, (401, 10000)),
        (QUEUES, {"headers": [(b"authorization", b"bearer  minted ")]}, "token-1"),
        ("/accounts", {}, (400, 1001)),
        ("/nowhere", {}, "token-1"),
        (f"/accounts/{'a' * 32}/queues", {"method": "POST"}, "token-1"),
        ("/user/tokens/verify", {}, (401, 1000)),
        (f"/accounts/{ACCOUNT_ID}/tokens/verify", {}, "token-1"),
        (f"/accounts/{ACCOUNT_ID}/tokens/verify", {"bearer": "other"}, (401, 1000)),
        # Assets have a token of their upload's session.
        (f"/accounts/{ACCOUNT_ID}/workers/assets/upload", {"bearer": ""}, ""),
    ],
)
def test_each_request_is_admitted_or_refused_by_its_path(
    tmp_path: Path, path: str, call: dict[str, Any], outcome: object
) -> None:
    assert Gate(tmp_path).outcome(path, **call) == outcome


@pytest.mark.parametrize(
    ("columns", "status", "outcome"),
    [
        ({"expires_on": at(1)}, "active", "token-1"),
        ({"expires_on": at(0)}, "expired", (401, 10000)),
        ({"not_before": at(0)}, "active", "token-1"),
        ({"not_before": at(1)}, "active", (401, 10000)),
        ({"status": "disabled"}, "disabled", (401, 10000)),
        ({"status": "disabled", "expires_on": at(0)}, "expired", (401, 10000)),
    ],
)
def test_a_token_is_good_from_its_first_moment_to_its_last(
    tmp_path: Path, columns: dict[str, Any], status: str, outcome: object
) -> None:
    gate = Gate(tmp_path, **columns)
    assert gate.outcome() == outcome
    row = gate.database.row("SELECT * FROM account_tokens")
    assert row is not None
    assert gate.gate.status(row) == status
    # Whoever verifies such a token is told its status.
    assert gate.outcome(f"/accounts/{ACCOUNT_ID}/tokens/verify") == "token-1"


@pytest.mark.parametrize(
    ("rule", "admitted"),
    [
        ({}, True),
        ({"in": ["192.0.2.0/24"]}, True),
        ({"in": ["198.51.100.0/24", "192.0.2.7/32"]}, True),
        ({"in": ["192.0.2.0/30"]}, False),
        ({"in": ["192.0.2.9/24"]}, True),
        ({"not_in": ["192.0.2.7/32"]}, False),
        ({"not_in": ["198.51.100.0/24"]}, True),
        ({"in": ["192.0.2.0/24"], "not_in": ["192.0.2.7/32"]}, False),
        ({"in": ["2001:db8::/32"]}, False),
    ],
)
def test_an_address_is_within_one_network_and_in_none_that_is_shut_out(
    tmp_path: Path, rule: dict[str, Any], admitted: bool
) -> None:
    gate = Gate(tmp_path, condition=json.dumps({"request_ip": rule}))
    assert gate.outcome() == ("token-1" if admitted else (403, 9109))
    verify = f"/accounts/{ACCOUNT_ID}/tokens/verify"
    assert gate.outcome(verify) == ("token-1" if admitted else (401, 1000))


def test_a_use_is_noted_once_an_hour_and_a_refused_one_never(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    gate.outcome(method="POST")
    assert gate.last_used_on() is None
    gate.outcome()
    assert gate.last_used_on() == at(0)
    for after_ms, noted in ((HOUR_MS - 1, 0), (HOUR_MS, HOUR_MS), (2 * HOUR_MS - 1, HOUR_MS)):
        gate.now_ms = START_MS + after_ms
        gate.outcome()
        assert gate.last_used_on() == at(noted)
