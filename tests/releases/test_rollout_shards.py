"""Releases of a stack whose recipients are spread over three databases."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notification.placement import shard_of
from tests.altered_project import AlteredProject
from tests.eventually import eventually
from tests.releases.stage import Stage

pytestmark = [pytest.mark.workerd, pytest.mark.soak]

SEND = "worker/src/notification/routes/send.py"
USERS = ("dan", "bob", "u3")
"""One of each database."""
SETTLED_S = "12"
CANARY = ("deploy", "--canary", "--steps", "50,100", "--least", "6")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A project that may be broken, over three databases; each test goes on where one ended."""
    assert sorted(shard_of(user, 3) for user in USERS) == [0, 1, 2]
    folder: Path = tmp_path_factory.mktemp("three")
    built = Stage(AlteredProject(folder / "project"), folder, shards=3)
    built.installation.environment["NOTIFICATION_LOCAL_SETTLED_S"] = SETTLED_S
    try:
        built.installation.up()
        yield built
    finally:
        built.installation.close()


@pytest.fixture(autouse=True)
def restored(three: Stage) -> Iterator[None]:
    yield
    three.project.restore()


def spread_over(stage: Stage, shards: int, **settings: Any) -> None:
    """Write the settings file anew, without a pin."""
    stage.installation.configure({"testClock": True, "shards": shards, **settings})


def placement(stage: Stage) -> Any:
    [row] = stage.sql("SELECT config_value FROM system_configs WHERE config_key = 'shards'")
    return json.loads(row["config_value"])


def databases(stage: Stage) -> list[str]:
    """The names of the account's databases."""
    path = f"/client/v4/accounts/{stage.ids['account_id']}/d1/database"
    answer = stage.installation.control("GET", path).raise_for_status()
    return sorted(one["name"] for one in answer.json()["result"])


def arrivals(stage: Stage) -> int:
    return sum(len(stage.installation.arrivals(f"/hook/{user}")) for user in USERS)


@pytest.mark.requirement("S0-108", "S0-109")
def test_a_canary_is_promoted_and_another_aborted_without_a_lost_or_repeated_send(
    three: Stage,
) -> None:
    three.change("good canary")
    with three.sends(*USERS) as counts:
        report = three.json(*CANARY)
    assert [step["percentage"] for step in report["canary"]] == [50]
    assert three.serving() == {report["version_id"]: 100}
    assert set(counts) == {"sent"}
    assert arrivals(three) == counts["sent"] > 10

    three.project.replace(
        SEND,
        "async def send_notification(call: Call) -> Response:\n",
        'async def send_notification(call: Call) -> Response:\n    raise RuntimeError("bad")\n',
    )
    before, sent = three.serving(), counts["sent"]
    with three.sends(*USERS) as counts:
        result = three.ctl(*CANARY)
    assert result.returncode == 5, result.stdout + result.stderr
    assert "The canary was stopped at 50 %" in result.stderr
    assert three.serving() == before
    assert arrivals(three) == sent + counts["sent"]
    assert placement(three) == {"n": 3, "moving_to": None}


@pytest.mark.requirement("S0-87", "S0-108")
def test_no_canary_moves_recipients_and_one_that_is_under_way_goes_back(
    three: Stage, tmp_path: Path
) -> None:
    [before] = three.serving()
    three.change("canary and another number")
    for wanted in (2, 4):
        spread_over(three, wanted)
        refused = three.ctl(*CANARY)
        assert refused.returncode == 8, refused.stdout + refused.stderr
        assert (
            f"The recipients are spread over 3 of the databases and shards is {wanted}."
            in refused.stderr
        )
    spread_over(three, 3)
    options = ("--stack", "local", "--canary", "--steps", "50,100", "--least", "100000")
    process = three.installation.start("deploy", *options, "--report", str(tmp_path / "report"))
    eventually(lambda: len(three.serving()) == 2, what="the canary's first step")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130, out + err

    spread_over(three, 2, traffic=50, trafficBase=before)
    refused = three.ctl("up")
    assert refused.returncode == 4, refused.stdout + refused.stderr
    assert "A canary moves nobody" in refused.stdout + refused.stderr
    assert len(three.serving()) == 2
    assert placement(three) == {"n": 3, "moving_to": None}
    assert len(databases(three)) == 3

    spread_over(three, 3)
    assert three.ctl("rollback", "--yes", "--reason", "a rehearsal").returncode == 0
    assert three.serving() == {before: 100}
    with three.sends(*USERS) as counts:
        eventually(lambda: counts.total() > 9, what="sends")
    assert set(counts) == {"sent"}


@pytest.mark.requirement("S0-87")
def test_a_rollback_across_another_number_of_databases_is_refused_or_serves_everybody(
    three: Stage,
) -> None:
    spread_over(three, 3)
    three.change("of three databases")
    three.installation.up()
    [of_three] = three.serving()
    spread_over(three, 2)
    three.change("of two databases")
    three.installation.up()
    assert placement(three) == {"n": 2, "moving_to": None}

    # The version of three asks the third database, which is empty, and so it has to stay.
    back = three.ctl("rollback", "--yes", "--to", of_three, "--reason", "a rehearsal")
    assert back.returncode == 0, back.stdout + back.stderr
    three.installation.up()
    assert three.serving() == {of_three: 100}
    assert len(databases(three)) == 3
    with three.sends(*USERS) as counts:
        eventually(lambda: counts.total() > 9, what="sends")
    assert set(counts) == {"sent"}

    # Without the pin the newest release takes over, and the empty database goes.
    spread_over(three, 2)
    three.installation.up()
    assert len(databases(three)) == 2
    [of_two] = three.serving()
    refused = three.ctl("rollback", "--yes", "--to", of_three, "--reason", "a rehearsal")
    assert refused.returncode == 8, refused.stdout + refused.stderr
    assert "is bound as DB_2 to the D1 database" in refused.stderr
    assert three.serving() == {of_two: 100}

    spread_over(three, 4)
    three.installation.up()
    refused = three.ctl("rollback", "--yes", "--to", of_two, "--reason", "a rehearsal")
    assert refused.returncode == 8, refused.stdout + refused.stderr
    assert "First bring them back: set shards to" in refused.stderr
    assert placement(three) == {"n": 4, "moving_to": None}
    with three.sends(*USERS) as counts:
        eventually(lambda: counts.total() > 9, what="sends")
    assert set(counts) == {"sent"}
