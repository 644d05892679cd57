"""Tables in every width: ids, times and numbers stay whole."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ops.stacks.console import Reporter
from ops.stacks.table import Column, lay_out, number, visible, whole

TIME = "2026-11-29T08:30:00Z"
ID = "ntf_1795918200000_4f1d8a9b2c3e4d5f"
ERROR = "Slack answered 404: no_service. The webhook's address was revoked; give another one."
COLUMNS = (whole("time"), Column("user"), number("retries"), whole("message id"), Column("error"))
ROWS = [(TIME, "u-1", "12", ID, ERROR), (TIME, "a-user-with-a-rather-long-name", "3", ID, "")]


@pytest.mark.parametrize("width", [40, 60, 79, 80, 100, 120, 200, None])
def test_times_and_ids_are_whole_in_every_width(width: int | None) -> None:
    lines = lay_out(COLUMNS, ROWS, width)
    text = "\n".join(lines)
    assert text.count(TIME) == text.count(ID) == 2
    if width is not None and width >= 60:
        assert max(map(cell_len, lines)) <= width


def test_what_does_not_fit_below_80_columns_is_a_record_for_each_row() -> None:
    assert lay_out(COLUMNS, ROWS[:1], 60) == [
        f"time        {TIME}",
        "user        u-1",
        "retries     12",
        f"message id  {ID}",
        "error       Slack answered 404: no_service. The webhook's",
        "            address was revoked; give another one.",
    ]


def test_a_narrow_table_that_fits_stays_a_table() -> None:
    assert lay_out((Column("stack"), number("age")), [("local", "7 days")], 30) == [
        "stack     age",
        "local  7 days",
    ]


def test_other_columns_give_way_and_numbers_are_aligned_to_the_right() -> None:
    lines = lay_out(COLUMNS, [(TIME, "u-1", "12", ID, ERROR), (TIME, "u-2", "3", ID, "")], 100)
    assert lines[0].startswith("time                  user  retries  message id")
    assert lines[1].startswith(f"{TIME}  u-1        12  {ID}  Slack")
    assert lines[-1].startswith(f"{TIME}  u-2         3  {ID}")
    error = lines[0].index("error")
    assert " ".join(line[error:] for line in lines[1:-1]) == ERROR


def test_a_file_gets_one_line_for_each_row_however_long() -> None:
    lines = lay_out(COLUMNS, [(TIME, "u", "1", ID, "x" * 500)], None)
    assert len(lines) == 2
    assert lines[1].endswith("x" * 500)


@given(
    cells=st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60)), min_size=1, max_size=4),
    width=st.integers(20, 120),
)
def test_no_letter_of_a_cell_is_lost(cells: list[tuple[str, str]], width: int) -> None:
    lines = lay_out((Column("a"), Column("b")), cells, width)
    shown = "".join("".join(line.split()) for line in lines)
    for letter in "".join("".join(map(visible, row)) for row in cells):
        assert letter.isspace() or letter in shown


def test_what_a_terminal_would_obey_is_written_out() -> None:
    evil = "ok\x1b[2J\x07\u202etxt\u2028\ud800"
    assert visible(evil) == "ok\\x1b[2J\\x07\\u202etxt\\u2028\\ud800"
    assert visible("two\nlines") == "two\nlines"
    assert lay_out((Column("x"),), [("two\nlines",)], None) == ["x", "two\\nlines"]


def test_a_reporter_prints_no_escape_of_foreign_text() -> None:
    reporter = Reporter()
    reporter.console.file = file = io.StringIO()
    reporter.line("a\x1b]0;title\x07")
    with reporter.step("Step \x1b[1m") as step:
        step.detail = "[red]\x9b31m"
    reporter.table("x", rows=[], none="No rows.")
    assert "\x1b" not in file.getvalue()
    assert "\x9b" not in file.getvalue()
    assert "[red]" in file.getvalue()
    assert file.getvalue().endswith("No rows.\n")
