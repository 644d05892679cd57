"""A table's content in two numbers."""

from __future__ import annotations

import hashlib

from ops.database.table_sum import TableSum


def digest(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)


def test_a_sum_is_that_of_the_rows_digests_whatever_their_order() -> None:
    rows = [("1", "'a'"), ("2", "NULL"), ("3", "X'00'")]
    found = TableSum.of(rows)
    total = sum(digest("\x1f".join(row)) for row in rows) % 2**256
    assert found == TableSum(3, f"{total:064x}")
    assert TableSum.of(reversed(rows)) == found
    assert found.document() == {"rows": 3, "sha256": f"{total:064x}"}


def test_values_do_not_run_into_each_other() -> None:
    assert TableSum.of([("'a'", "'b'")]) != TableSum.of([("'a''b'", "")])


def test_a_row_twice_is_not_the_row_once() -> None:
    once = TableSum.of([("1",)])
    twice = TableSum.of([("1",), ("1",)])
    assert (once.rows, twice.rows) == (1, 2)
    assert once.sha256 != twice.sha256


def test_no_rows_have_a_sum_of_the_same_form() -> None:
    assert TableSum.of([]) == TableSum(0, "0" * 64)
