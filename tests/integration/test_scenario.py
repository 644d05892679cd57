"""A stack's life on the local cloud, from nothing to nothing."""

from __future__ import annotations

import random
import signal

import psutil
import pytest

from tests.eventually import eventually
from tests.installation import Installation

pytestmark = pytest.mark.workerd


def test_a_stack_lives_from_up_to_an_empty_account(fresh: Installation) -> None:
    first = fresh.up()
    assert first["changes"].get("same", 0) == 0
    assert first["changes"]["create"] > 10

    again = fresh.up()
    assert again["changed"] == 0
    assert again["version_id"] == first["version_id"]

    refreshed = fresh.ctl_json("refresh", "--stack", "local")
    assert refreshed["changed"] == 0

    fresh.configure({"testClock": True, "logLevel": "warn"})
    planned = fresh.ctl_json("preview", "--stack", "local")
    assert planned["changed"] > 0
    changed = fresh.up()
    assert changed["changes"] == planned["changes"]
    assert changed["version_id"] != first["version_id"]

    history = fresh.ctl_json("history", "--stack", "local")
    assert [entry["kind"] for entry in history] == ["update", "refresh", "update", "update"]
    assert {entry["result"] for entry in history} == {"succeeded"}

    destroyed = fresh.ctl("destroy", "--stack", "local", "--yes")
    assert destroyed.returncode == 0, destroyed.stderr
    left = fresh.control("GET", "/local/state").json()
    assert all(count == 0 for count in left.values()), left


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 6))
def test_an_up_that_is_killed_anywhere_is_finished_by_the_next(
    fresh: Installation, seed: int
) -> None:
    moments = random.Random(seed)  # noqa: S311 a seeded choice of the moment, nothing secret
    for _ in range(2):
        process = fresh.start("up", "--stack", "local")
        assert process.stdout is not None
        for _ in range(moments.randrange(1, 24)):
            if not process.stdout.readline():
                break
        process.send_signal(signal.SIGKILL)
        process.communicate()

    fresh.up()
    assert fresh.up()["changed"] == 0


@pytest.mark.soak
def test_data_outlive_a_kill_and_a_stop_and_go_with_an_erasing_destroy(
    fresh: Installation,
) -> None:
    first = fresh.up()
    with fresh.service() as service:
        before = service.result("GET", "/api/notification-logs")["data"]["total"]
    cloud = psutil.Process(fresh.ctl_json("local", "status")["pid"])
    cloud.kill()
    eventually(lambda: not cloud.is_running(), what="the kill")

    again = fresh.up()

    assert (again["changed"], again["version_id"]) == (0, first["version_id"])
    assert fresh.ctl("local", "stop").returncode == 0
    assert fresh.ctl("local", "start").returncode == 0
    with fresh.service() as service:
        after = service.result("GET", "/api/notification-logs")["data"]["total"]
    assert after == before + 1

    erased = fresh.ctl("destroy", "--stack", "local", "--yes", "--erase")

    assert erased.returncode == 0, erased.stderr
    assert not (fresh.home / "cloud").exists()
    assert not (fresh.home / "pulumi").exists()
