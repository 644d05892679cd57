"""What a rollback will do and what one did, for people and for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.deploy.release.release import Release
from ops.deploy.release.target import Target, Way
from ops.deploy.rollback.plan import RollbackPlan, RollbackReport


def release(version: str, commit: str = "c" * 40) -> Release:
    return Release(version, "2026-11-28T08:00:00Z", commit, "b" * 64, "a" * 64, 7, 7)


def plan(
    *,
    serves: str = "v2-bad-bad",
    way: Way = "pin",
    rotated: tuple[str, ...] = (),
    refusals: tuple[str, ...] = (),
    commit: str = "c" * 40,
) -> RollbackPlan:
    return RollbackPlan(
        "production",
        release("v2-bad-bad"),
        serves,
        False,
        Target(release("v1-good-good", commit), way, "the last verified release"),
        refusals,
        rotated,
    )


@pytest.mark.parametrize(
    ("serves", "taken_back"),
    [
        ("v2-bad-bad", "v2-bad-bad"),
        ("v9-by-hand", "v9-by-hand"),
        pytest.param("v1-good-good", "v2-bad-bad", id="switched by an earlier run"),
    ],
)
def test_what_is_taken_back_serves_or_was_deployed_last(serves: str, taken_back: str) -> None:
    assert plan(serves=serves).taken_back == taken_back


@pytest.mark.parametrize(
    ("way", "line"),
    [
        ("pin", "Way       pin that version in the stack's settings and run an update"),
        ("nothing", "Way       nothing: it serves already"),
    ],
)
def test_a_person_reads_versions_release_and_way(way: Way, line: str) -> None:
    lines = plan(way=way).lines()
    assert lines[:4] == [
        "Stack     production",
        "Serves    v2-bad-bad",
        "Back to   v1-good-good   (the last verified release)",
        "Release   2026-11-28T08:00:00Z, commit cccccccccccc",
    ]
    assert lines[4:] == [line]


def test_a_release_without_a_commit_says_so() -> None:
    assert plan(commit="").lines()[3].endswith("commit unknown")


def test_rotated_secrets_are_named_and_the_encryption_key_stays_todays() -> None:
    assert plan(rotated=("api_secret_key",)).lines()[5:] == ["Rotated   api_secret_key"]
    lines = plan(rotated=("api_secret_key", "encrypt_key"), refusals=("The schema is newer.",))
    assert lines.lines()[5:] == [
        "Rotated   api_secret_key, encrypt_key",
        "          The encryption key never goes back: today's is used.",
        "Refused   The schema is newer.",
    ]


def test_a_program_reads_the_plan_and_the_report() -> None:
    expected = {
        "stack": "production",
        "serves": "v2-bad-bad",
        "instead_of": "b" * 64,
        "instead_of_assets": "a" * 64,
        "version_id": "v1-good-good",
        "commit": "c" * 40,
        "way": "new version",
        "reason": "the last verified release",
        "rotated_secrets": ["api_secret_key"],
        "refusals": [],
    }
    planned = plan(way="new version", rotated=("api_secret_key",))
    assert planned.document() == expected
    done = RollbackReport(planned, "v3-new-new", 1.23456, 9.87654, Path("reviews/v2.md"))
    assert done.document() == {
        **expected,
        "version_id": "v3-new-new",
        "serving_seconds": 1.235,
        "seconds": 9.877,
        "post_mortem": "reviews/v2.md",
        "unfinished": "",
        "uncommitted": [],
    }
    assert done.lines() == [
        "Version v3-new-n serves again.",
        "Time      1.2 s to serve, 9.9 s in all",
        "Review    reviews/v2.md   (fill it in: the next deployment asks for it)",
    ]


def test_what_git_does_not_have_yet_is_named_on_the_screen_and_in_the_document() -> None:
    files = ("Pulumi.production.yaml", "docs/post-mortems/v2.md")
    done = RollbackReport(plan(), "v1-good-good", 1.0, 9.0, Path("v2.md"), uncommitted=files)
    assert done.document()["uncommitted"] == list(files)
    assert done.lines()[-1] == (
        "Git       not committed yet: Pulumi.production.yaml, docs/post-mortems/v2.md   (without "
        "the pin, the bad commit would be deployed again)"
    )


def test_a_rollback_that_changed_nothing_asks_for_no_review() -> None:
    done = RollbackReport(plan(way="nothing"), "v1-good-good", 0.0, 0.1, None)
    assert len(done.lines()) == 2
    assert done.document()["post_mortem"] is None
