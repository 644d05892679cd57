"""The list of releases, beside what really serves."""

from __future__ import annotations

from ops.deploy.release.listing import ReleaseListing
from ops.deploy.release.records import ReleaseRecord
from ops.deploy.release.release_history import ReleaseHistory
from ops.deploy.release.target import choose_target
from ops.stacks.active_deployment import ActiveDeployment
from ops.stacks.errors import GateClosed
from tests.ops.deploy.rollback.test_target import history, v


def active(**shares: float) -> ActiveDeployment:
    by_version = {v(int(name[1:])) if name[0] == "n" else name: s for name, s in shares.items()}
    return ActiveDeployment(by_version, message="")


VERIFIED = ReleaseRecord("verified", actor="ada")
FAILED = ReleaseRecord("failed", detail="health")


def listing(known: ReleaseHistory, deployed: ActiveDeployment) -> ReleaseListing:
    """Return the list with what a rollback would decide, as the command makes it."""
    try:
        target = choose_target(known, deployed, named=None, pin=None, last_update=None)
    except GateClosed as error:
        return ReleaseListing(known, deployed, None, str(error), "dev")
    return ReleaseListing(known, deployed, target, "", "dev")


def test_a_release_has_its_share_its_result_and_whether_a_rollback_goes_there() -> None:
    known = history(4, 3, 2, 1, records={4: VERIFIED, 3: FAILED, 2: VERIFIED})
    rows = listing(known, active(n4=100.0)).rows(limit=3)
    assert [row["version_id"] for row in rows] == [v(4), v(3), v(2)]
    assert [row["percentage"] for row in rows] == [100.0, 0, 0]
    assert [row["result"] for row in rows] == ["verified", "failed", "verified"]
    assert [row["rollback_target"] for row in rows] == [False, False, True]
    assert [row["update"] for row in rows] == [4, 3, 2]
    assert [(row["actor"], row["detail"]) for row in rows] == [
        ("ada", ""),
        ("", "health"),
        ("ada", ""),
    ]


def test_a_canary_that_was_left_has_both_shares_and_goes_back_to_the_version_beside_it() -> None:
    known = history(4, 3, 2, 1, records={3: VERIFIED, 2: VERIFIED})
    rows = listing(known, active(n4=90.0, n3=10.0)).rows(limit=3)
    assert [row["percentage"] for row in rows] == [90.0, 10.0, 0]
    assert [row["rollback_target"] for row in rows] == [False, True, False]


def test_what_nobody_verified_is_told_as_deployed() -> None:
    (row,) = listing(history(1), active(n1=100.0)).rows(limit=9)
    assert (row["result"], row["actor"], row["rollback_target"]) == ("deployed", "", False)


def test_a_version_that_is_no_release_is_named_with_its_share() -> None:
    known = history(2, 1, records={1: VERIFIED})
    first, canary, back = listing(known, active(n2=75.0, stranger=25.0)).notes()
    assert first.startswith("Version stranger serves 25 % and is no release")
    assert "stranger answers 25 %" in canary
    assert back.startswith(f"A rollback would go back to {v(2)[:8]} (deployed)")


def test_the_only_release_has_no_way_back_and_says_so() -> None:
    (note,) = listing(history(1), active(n1=100.0)).notes()
    assert note.startswith("A rollback would be refused. There is no earlier release")
