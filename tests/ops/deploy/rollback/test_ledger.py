"""A rollback learns which migrations are applied where something still tells it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from infra.migrations.files import MigrationSet
from infra.migrations.ledger import Applied
from ops.deploy.release.release import Release
from ops.deploy.rollback.gate import Gate
from ops.deploy.rollback.ledger import first_reading, from_names
from ops.stacks.errors import OperationError

ONE = Applied("0001_a.sql", 1, None, 0)


def broken(text: str) -> Callable[[], Sequence[Applied]]:
    def ask() -> Sequence[Applied]:
        raise OperationError(text)

    return ask


def test_the_first_source_that_answers_is_taken_and_named() -> None:
    found = first_reading([("the API", broken("HTTP 500.")), ("the service", lambda: [ONE])])
    assert (found.applied, found.source) == ((ONE,), "the service")
    assert found.problems == ("the API: HTTP 500.",)
    untroubled = first_reading([("the API", list), ("the service", broken("never asked"))])
    assert (untroubled.applied, untroubled.source, untroubled.problems) == ((), "the API", ())


def test_where_nobody_answers_every_reason_and_the_last_way_are_told() -> None:
    with pytest.raises(OperationError, match=r"the API: HTTP 500\. the state: empty\. .*--force"):
        first_reading([("the API", broken("HTTP 500.")), ("the state", broken("empty."))])


def test_names_get_what_the_files_say_and_unknown_ones_are_trusted_to_their_own_code_only(
    tmp_path: Path,
) -> None:
    (tmp_path / "0001_a.sql").write_text("-- min-code: 1\nSELECT 1;\n")
    (tmp_path / "0001_a.down.sql").write_text("SELECT 1;\n")
    names = ["0001_a.sql", "0009_newer.sql", "\u00b2_x.sql", "x.sql"]
    assert from_names(names, MigrationSet.read(tmp_path)) == [
        Applied("0001_a.sql", 1, None, 1),
        Applied("0009_newer.sql", 9, None, 9),
        # Neither begins with a number that a migration could have.
        Applied("\u00b2_x.sql", 0, None, 0),
        Applied("x.sql", 0, None, 0),
    ]


class Account:
    """An account whose D1 answers nothing."""

    account_id = "0" * 32

    def result(self, what: str, path: str) -> Any:
        assert (what, path.rpartition("/versions/")[2]) == (
            "read version abcd1234",
            "abcd1234-0000",
        )
        return {"bindings": [{"type": "d1", "name": "DB", "id": "x"}]}

    def found(self, what: str, path: str) -> Any:
        raise OperationError("Cloudflare answered 500.")

    def understood(self, what: str) -> Any:
        return nullcontext()


def release(code_level: int) -> Any:
    class Some:
        short, version_id = "abcd1234", "abcd1234-0000"

        def rotated_since(self, _: Any) -> list[str]:
            return []

    some = Some()
    some.code_level = code_level  # type: ignore[attr-defined]
    assert hasattr(Release, "rotated_since")
    return some


def test_a_store_that_cannot_be_asked_for_stands_in_nobodys_way_and_is_told() -> None:
    account: Any = Account()
    gate = Gate(account, {"worker_id": "w"}, today={}, applied=[ONE])
    result = gate.check(release(1))
    assert result.refusals == ()
    assert result.unknown == ("whether DB is there: Cloudflare answered 500.",)


def test_a_migration_that_needs_newer_code_is_named_whoever_told_of_it() -> None:
    account: Any = Account()
    gate = Gate(account, {"worker_id": "w"}, today={}, applied=[Applied("0008_x.sql", 8, None, 8)])
    (refusal,) = gate.check(release(7)).refusals
    assert "0008_x.sql, which needs code of level 8" in refusal
    assert gate.check(release(8)).refusals == ()
