"""Releases of a program that kept no list are still there in the account, and can be named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.deploy.release.account_versions import older_versions, read_version
from ops.deploy.release.release_history import ReleaseHistory
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError, StackFailed
from tests.ops.deploy.rollback.test_target import entry, v

OLD = "aaaaaaaa-1111-4111-8111-111111111111"
OUTPUTS = {
    "worker_id": "w1",
    "releases": [entry(3), entry(2)],
    "version_id": v(3),
    "serving_version_id": v(3),
}


def version(identifier: str, created: str, **others: Any) -> dict[str, Any]:
    return {"id": identifier, "created_on": created, **others}


def account(*listed: dict[str, Any], one: dict[str, Any] | None = None) -> StackAccount:
    def pages(path: str, _: object) -> Iterator[dict[str, Any]]:
        assert path == "workers/workers/w1/versions"
        yield from listed

    return cast(
        StackAccount,
        SimpleNamespace(
            account_id="a1",
            listed=pages,
            result=lambda *_: one,
            understood=lambda _: nullcontext(),
        ),
    )


def test_versions_before_the_list_are_releases_and_others_are_not() -> None:
    tag = {"annotations": {"workers/tag": "b1"}}
    found = older_versions(
        account(
            version(v(3), "2026-01-01T03:00:00Z"),
            version("stranger", "2026-01-01T02:30:00Z"),
            version(v(2), "2026-01-01T02:00:00Z"),
            version("older", "2025-12-01T00:00:00Z"),
            version(OLD, "2025-12-31T00:00:00Z", **tag),
        ),
        OUTPUTS,
    )
    assert [release.version_id for release in found] == [OLD, "older"]
    assert found[0].bundle_sha256 == "b1"


def test_such_a_release_is_listed_named_and_never_chosen_unasked() -> None:
    older = older_versions(account(version(OLD, "2025-12-31T00:00:00Z")), OUTPUTS)
    known = ReleaseHistory(OUTPUTS, [], {}, older)
    assert [one.release.version_id for one in known.releases] == [v(3), v(2), OLD]
    named = known.find(OLD[:8])
    assert named is not None
    assert not named.is_listed
    assert known.last_good(v(2)) is None


def test_what_its_bindings_tell_is_read_before_it_is_judged() -> None:
    prints = {"api_secret_key": "0" * 16}
    bindings = [
        {"name": "SCHEMA_LEVEL", "type": "plain_text", "text": "5"},
        {"name": "SECRET_FINGERPRINTS", "type": "plain_text", "text": json.dumps(prints)},
        "malformed",
    ]
    one = version(OLD, "2025-12-31T00:00:00Z", bindings=bindings)
    release = read_version(account(one=one), OUTPUTS, OLD)
    assert (release.code_level, release.schema_level) == (5, 5)
    assert release.fingerprints == prints
    bare = read_version(account(one=version(OLD, "")), OUTPUTS, OLD)
    assert (bare.code_level, bare.fingerprints) == (0, {})


def test_an_account_that_does_not_answer_stops_no_rollback() -> None:
    def refuse(*_: object) -> Iterator[dict[str, Any]]:
        raise OperationError("busy")

    assert older_versions(cast(StackAccount, SimpleNamespace(listed=refuse)), OUTPUTS) == []


@pytest.mark.parametrize("created", [None, "", 5])
def test_a_version_of_no_known_time_is_not_taken_for_an_old_one(created: Any) -> None:
    odd = {"id": OLD, "created_on": created}
    assert (
        older_versions(account(odd, version("older", "2025-12-01T00:00:00Z")), OUTPUTS)[0]
        == (older_versions(account(version("older", "2025-12-01T00:00:00Z")), OUTPUTS)[0])
    )


@pytest.mark.parametrize("outputs", [{}, {"account_id": "a"}, {"releases": []}])
def test_a_stack_without_a_worker_has_no_older_versions(outputs: dict[str, Any]) -> None:
    assert older_versions(account(version(OLD, "2025-12-31T00:00:00Z")), outputs) == []
    with pytest.raises(StackFailed, match="lists no releases"):
        ReleaseHistory(outputs, [], {}, older_versions(account(), outputs))
