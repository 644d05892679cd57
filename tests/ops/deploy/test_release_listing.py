"""The list of releases, beside what really serves."""

from __future__ import annotations

from ops.deploy.release.listing import ReleaseListing
from ops.deploy.release.records import ReleaseRecord
from ops.stacks.active_deployment import ActiveDeployment
from tests.ops.rollback.test_target import history, v


def active(**shares: float) -> ActiveDeployment:
    by_version = {v(int(name[1:])) if name[0] == "n" else name: s for name, s in shares.items()}
    return ActiveDeployment(by_version, message="", author="", created="2026-11-29T08:00:00Z")


VERIFIED = ReleaseRecord("verified", actor="ada")
FAILED = ReleaseRecord("failed", detail="health")


def test_a_release_has_its_share_its_result_and_whether_a_rollback_goes_there() -> None:
    known = history(4, 3, 2, 1, records={4: VERIFIED, 3: FAILED, 2: VERIFIED})
    rows = ReleaseListing(known, active(n4=90.0, n3=10.0)).rows(limit=3)
    assert [row["version_id"] for row in rows] == [v(4), v(3), v(2)]
    assert [row["percentage"] for row in rows] == [90.0, 10.0, 0]
    assert [row["result"] for row in rows] == ["verified", "failed", "verified"]
    assert [row["rollback_target"] for row in rows] == [False, False, True]
    assert [row["update"] for row in rows] == [4, 3, 2]
    assert [(row["actor"], row["detail"]) for row in rows] == [
        ("ada", ""),
        ("", "health"),
        ("ada", ""),
    ]


def test_what_nobody_verified_is_told_as_deployed() -> None:
    (row,) = ReleaseListing(history(1), active(n1=100.0)).rows(limit=9)
    assert (row["result"], row["actor"], row["rollback_target"]) == ("deployed", "", False)


def test_a_version_that_is_no_release_is_named_with_its_share() -> None:
    listing = ReleaseListing(history(2, 1, records={1: VERIFIED}), active(n2=75.0, stranger=25.0))
    first, second = listing.notes()
    assert first.startswith("Version stranger serves 25 % and is no release")
    assert second == f"A rollback would go back to {v(1)[:8]} (verified)."


def test_the_only_release_has_nothing_to_note() -> None:
    assert ReleaseListing(history(1), active(n1=100.0)).notes() == []
