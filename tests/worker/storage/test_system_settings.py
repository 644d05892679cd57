"""Only failures of the service are counted, per version."""

from __future__ import annotations

import pytest

from notification.ports.database import DatabaseError, Statement
from tests.worker.world import World


def counted(world: World) -> str:
    statement = Statement(
        "SELECT config_value FROM system_configs WHERE config_key = ?1",
        ("failed_requests.version-",),
    )
    [result] = world.run(world.platform().database.batch([statement]))
    return str(result.rows[0]["config_value"]) if result.rows else ""


class FailsOnce:
    """A database whose next batch fails."""

    def __init__(self, error: Exception) -> None:
        self._left = [error]

    def __call__(self, statements: object) -> None:
        if self._left:
            raise self._left.pop()


@pytest.mark.parametrize("error", [RuntimeError("bug"), DatabaseError("away")])
def test_failed_requests_are_counted_after_the_answer(world: World, error: Exception) -> None:
    for _ in range(2):
        world.database.before_batch = FailsOnce(error)
        assert world.request("GET", "/api/logs").status >= 500

    assert counted(world) == "2"


def test_refusals_and_successes_write_nothing(world: World) -> None:
    assert world.request("GET", "/api/logs", signed=False).status == 401
    assert world.request("GET", "/health", signed=False).status == 200
    assert world.request("GET", "/nowhere").status == 404

    assert counted(world) == ""


def test_maintenance_is_no_failure(world: World) -> None:
    world.environment["MAINTENANCE_MODE"] = "true"

    assert world.request("GET", "/api/logs").status == 503
    assert counted(world) == ""


def test_a_database_that_stays_away_fails_no_further(world: World) -> None:
    def fail(statements: object) -> None:
        raise DatabaseError("away")

    world.database.before_batch = fail

    assert world.request("GET", "/api/logs").code == "DB_ERROR"
