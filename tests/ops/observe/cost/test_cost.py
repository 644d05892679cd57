"""What a month costs, from the counts of one notification and the price table."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli.main import command_line
from ops.observe.cost.model import Cost, Counts, Workload, month
from ops.observe.cost.page import GOAL_MONTHLY, GOAL_USD, PAGE, with_block
from ops.observe.cost.prices import RATES, READ_ON
from tests.docs.document import ROOT

IDLE = {"requests": 0.0}
COUNTS = Counts(
    send={"requests": 1, "cpu_ms": 2, "rows_written": 4, "rows_read": 10, "log_events": 3},
    key={"rows_written": 2},
    cold={"rows_read": 20, "round_trips": 2},
    counted={"rows_read": 1},
    retry={"requests": 1, "rows_written": 3, "round_trips": 2},
    removal={"rows_written": 1},
    cron=IDLE,
    round_trips=2,
    bytes_per_row=1_000,
)
PLAIN = Workload(monthly=10e6, retry_share=0, key_share=0, cold_share=0)


def cost(counts: Counts = COUNTS, **changed: Any) -> Cost:
    return month(counts, replace(PLAIN, **changed))


def test_what_the_paid_plan_includes_costs_the_plan_alone() -> None:
    found = cost(monthly=1e6)
    assert found.usage["rows_written"] == 5e6
    assert found.usd == 5


def test_each_resource_beyond_what_is_included_has_its_price() -> None:
    found = cost(monthly=20e6, cold_share=0.5, retry_share=0.5)
    assert found.usage == {
        "requests": 30e6,
        "cpu_ms": 40e6,
        "rows_read": 20e6 * (10 + 42 + 0.5 * 20),
        "rows_written": 20e6 * (4 + 1 + 1.5),
        "kv_reads": 0,
        "kv_writes": 0,
        "queue_operations": 30e6,
        "log_events": 60e6,
    }
    assert found.parts == pytest.approx(
        {
            "the paid plan": 5,
            "requests": 20 * 0.30,
            "CPU ms": 10 * 0.02,
            "rows read": 0,
            "rows written": 80 * 1.00,
            "KV reads": 0,
            "KV writes": 0,
            "queue operations": 29 * 0.40,
            "log events": 40 * 0.60,
            "D1 storage": 0,
        }
    )
    assert found.usd == pytest.approx(sum(found.parts.values()))


def test_keys_sampling_and_cpu_time_change_what_they_name() -> None:
    assert cost(key_share=0.5).usage["rows_written"] == 60e6
    assert cost(log_sampling=0.1).usage["log_events"] == 3e6
    assert cost(cpu_ms=7.5).usage["cpu_ms"] == 75e6


def test_what_is_kept_longer_takes_storage_and_is_paid_beyond_five_gigabytes() -> None:
    found = cost(retention_hours=720)
    assert found.stored_gb == pytest.approx(10)
    assert found.parts["D1 storage"] == pytest.approx(5 * 0.75)


def test_the_cron_counts_whether_anything_is_sent_or_not() -> None:
    found = cost(replace(COUNTS, cron={"rows_written": 10}), monthly=1)
    assert found.usage["rows_written"] == 5 + 8_640 * 10


def test_the_free_plan_ends_where_its_scarcest_resource_does() -> None:
    first, second, *_ = cost().free_limits
    assert (first.what, first.monthly) == ("rows written a day", 100_000 / 5 * 30)
    assert (second.what, second.monthly) == ("log events a day", 200_000 / 3 * 30)
    busy = cost(replace(COUNTS, cron={"rows_written": 100})).free_limits[0]
    assert busy.monthly == (100_000 - 288 * 100) / 5 * 30
    slow = cost(cpu_ms=10.5).free_limits[0]
    assert (slow.what, slow.monthly) == ("10 ms of CPU time a call", 0)
    assert cost(cpu_ms=10).free_limits[0].what == "rows written a day"


def test_the_paid_plan_ends_where_one_database_does() -> None:
    first, second = cost().paid_limits
    assert first.what == "10 GB of one D1 database"
    assert first.monthly == pytest.approx(10e9 / 1_000 / 7 * 30)
    assert second.monthly == 1_000 / 2 * 30 * 86_400
    with_retries = cost(retry_share=0.5).paid_limits
    assert with_retries[1].monthly == pytest.approx(1_000 / 3 * 30 * 86_400)
    assert with_retries[2].monthly == 5_000 / 0.5 * 30 * 86_400
    cold = cost(cold_share=0.25).paid_limits
    assert cold[1].monthly == 1_000 / 2.5 * 30 * 86_400


def test_several_databases_take_as_many_times_more_and_the_queue_no_more() -> None:
    one, three = cost(retry_share=0.5), cost(retry_share=0.5, databases=3)
    ratios = [
        b.monthly / a.monthly for a, b in zip(one.paid_limits, three.paid_limits, strict=True)
    ]
    assert ratios == pytest.approx([3, 3, 1])
    assert three.paid_limits[0].what == "10 GB of each of 3 D1 databases"
    assert three.paid_limits[1].what == "batches a second of each of 3 D1 databases"
    assert (three.free_limits, three.usd) == (one.free_limits, one.usd)


def test_ten_million_notifications_cost_at_most_half_of_82_dollars() -> None:
    found = month(Counts.load(), Workload(monthly=GOAL_MONTHLY))
    assert (GOAL_MONTHLY, GOAL_USD) == (10_000_000, 41)
    assert found.usd <= GOAL_USD


@pytest.mark.parametrize("monthly", [1, 10_000_000, 10**12])
def test_the_columns_of_the_report_stand_apart_however_large_the_month(monthly: int) -> None:
    run = CliRunner().invoke(command_line(["cost"]), ["cost", "--monthly", str(monthly)])
    table = run.output.split("\n\n")[1].splitlines()
    assert {len(line) for line in table} == {len(table[0])}
    found = month(Counts.load(), Workload(monthly=monthly))
    for rate, line in zip(RATES, table[1:], strict=False):
        *_, used, included, usd = line.split()
        assert float(used.replace(",", "")) == round(found.usage[rate.resource])
        assert float(included.replace(",", "")) == rate.included
        assert float(usd.replace(",", "")) == round(found.parts[rate.unit], 2)


@pytest.mark.parametrize(
    "given",
    [
        ("--monthly", "0"),
        ("--monthly", "-5"),
        ("--monthly", "abc"),
        ("--monthly", "1000000000001"),
        ("--monthly", "5", "--cpu-ms", "inf"),
        ("--monthly", "5", "--cpu-ms", "nan"),
        ("--monthly", "5", "--retention-hours", "inf"),
        ("--monthly", "5", "--retention-hours", "nan"),
        ("--monthly", "5", "--retry-share", "inf"),
        ("--monthly", "5", "--databases", "9"),
    ],
)
def test_a_number_that_no_month_can_have_is_refused_by_its_option(given: tuple[str, ...]) -> None:
    run = CliRunner().invoke(command_line(["cost"]), ["cost", *given])
    assert run.exit_code == 2
    assert f"'{given[-2]}'" in run.output
    assert "Traceback" not in run.output


def test_the_free_plan_costs_nothing_until_its_first_limit_is_reached() -> None:
    first = cost().free_limits[0].monthly
    assert cost(monthly=first - 1).fits_free_plan
    assert not cost(monthly=first).fits_free_plan
    shown = {
        monthly: [line for line in printed(monthly) if line.startswith("on the free plan")]
        for monthly in (1_000, 10_000_000)
    }
    assert [line.split()[-1] for line in shown[1_000]] == ["0.00"]
    assert [line.split()[-2:] for line in shown[10_000_000]] == [["too", "much"]]


def printed(monthly: int) -> list[str]:
    run = CliRunner().invoke(command_line(["cost"]), ["cost", "--monthly", str(monthly)])
    assert run.exit_code == 0, run.output
    return run.output.splitlines()


@pytest.mark.parametrize(
    ("monthly", "free", "paid"),
    [
        (1, ["next", "", ""], ["next", "", ""]),
        (1_000_000, ["reached", "reached", "next"], ["next", "", ""]),
        (2_900_000, ["reached"] * 4 + ["next"], ["next", "", ""]),
        (60_000_000, ["reached"] * 6, ["reached", "next", ""]),
    ],
)
def test_the_limits_that_are_reached_are_marked_and_the_next_one(
    monthly: int, free: list[str], paid: list[str]
) -> None:
    lines = printed(monthly)
    marks = [
        next((word for word in ("reached", "next") if line.endswith(f"  {word}")), "")
        for line in lines
        if line[2:].partition(".")[0].isdigit()
    ]
    assert (marks[: len(free)], marks[len(free) :]) == (free, paid)


def test_every_price_names_its_page_and_the_table_its_day() -> None:
    assert all(rate.source.startswith("developers.cloudflare.com/") for rate in RATES)
    assert len({rate.resource for rate in RATES}) == len(RATES) == 8
    assert READ_ON == "2026-11-29"


def test_the_page_shows_what_the_command_computes() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert with_block(text) == text, "run: python -m ops.observe.cost.page"


def test_the_command_prints_a_report_and_a_document() -> None:
    app = command_line(["cost"])
    printed = CliRunner().invoke(app, ["cost", "--monthly", "10000000"]).output
    assert printed.startswith(f"10,000,000 notifications a month, prices of {READ_ON}\n")
    assert "  1. " in printed
    assert "rows written a day  reached" in printed
    document = json.loads(CliRunner().invoke(app, ["cost", "--monthly", "1000", "--json"]).output)
    assert document["usd"] == 5
    assert document["prices_of"] == READ_ON
    assert document["free_limits"][0]["what"] == "rows written a day"
    assert (document["monthly"], document["fits_free_plan"]) == (1000, True)
    assert "reached" not in CliRunner().invoke(app, ["cost", "--monthly", "1000"]).output
