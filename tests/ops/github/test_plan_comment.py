"""The comment that shows a pull request's plan."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.github.plan_comment import MAX_LENGTH, PlanComment
from ops.github.repository import Repository
from ops.stacks.errors import OperationError
from tests.localcloud.running_cloud import RunningCloud
from tests.ops.answering_service import answering_service

COMMENTS = "/issues/7/comments"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A local cloud with its GitHub."""
    with RunningCloud(Path(tmp_path_factory.mktemp("github")) / "home") as running:
        yield running


@pytest.fixture
def repository(cloud: RunningCloud) -> Repository:
    """Its repository, without a comment."""
    found = Repository(
        url=f"{cloud.root_url}/api/v3",
        name="local/notification-system",
        token=cloud.home.api_token(),
        is_local=True,
    )
    for comment in list(found.pages(COMMENTS)):
        found.call("DELETE", f"/issues/comments/{comment['id']}")
    return found


def bodies(repository: Repository) -> list[str]:
    """The pull request's comments."""
    return [str(comment["body"]) for comment in repository.pages(COMMENTS)]


def test_a_second_plan_replaces_the_first_in_the_same_comment(repository: Repository) -> None:
    repository.call("POST", COMMENTS, body={"body": "a person's words"})
    comment = PlanComment(repository, 7, "production")
    first = comment.put("+ 16 created", commit="a" * 40)
    assert comment.put("16 same", commit="b" * 40) == first
    person, plan = bodies(repository)
    assert person == "a person's words"
    assert "16 same" in plan
    assert "created" not in plan
    assert "`bbbbbbbbbbbb`" in plan


def test_each_stack_has_its_own_comment_however_many_there_are(
    cloud: RunningCloud, repository: Repository
) -> None:
    with sqlite3.connect(cloud.home.database) as database:
        database.executemany(
            "INSERT INTO github_comments (issue, body, created_at, updated_at) VALUES (7, ?, ?, ?)",
            [(f"comment {number}", "2026-01-01", "2026-01-01") for number in range(101)],
        )
    database.close()
    for stack in ("production", "development", "production"):
        PlanComment(repository, 7, stack).put(f"plan of {stack}", commit="")
    assert len(bodies(repository)) == 103
    with sqlite3.connect(cloud.home.database) as database:
        database.execute("DELETE FROM github_comments")
    database.close()


def test_a_plan_cannot_leave_its_block(repository: Repository) -> None:
    PlanComment(repository, 7, "production").put("```\n# not a heading", commit="")
    [body] = bodies(repository)
    assert "\n````text\n```\n# not a heading\n````" in body


def test_a_long_plan_is_cut_with_a_word(repository: Repository) -> None:
    PlanComment(repository, 7, "production").put("x" * (MAX_LENGTH * 2), commit="")
    [body] = bodies(repository)
    assert "… cut: the whole plan is in the workflow's log." in body


def test_a_refusal_of_github_is_told_without_the_token(repository: Repository) -> None:
    refused = Repository(
        url=repository.url, name=repository.name, token="wrong-token", is_local=True
    )
    with pytest.raises(OperationError, match=r"answered GET .* with 401") as told:
        PlanComment(refused, 7, "production").put("plan", commit="")
    assert "wrong-token" not in str(told.value)


@pytest.mark.parametrize(
    "listed",
    [[{}], [{"body": None, "id": 1}], [{"body": "<!-- notification-system: plan of x -->"}]],
)
def test_a_comment_of_another_form_is_none_of_ours(listed: list[dict[str, object]]) -> None:
    with answering_service() as service:
        service.answers = [(200, json.dumps(listed).encode()), (201, b'{"html_url": "there"}')]
        found = Repository(url=service.url, name="a/b", token="t", is_local=True)
        assert PlanComment(found, 7, "x").put("plan", commit="") == "there"
        assert [call["method"] for call in service.seen] == ["GET", "POST"]


@pytest.mark.parametrize("answer", [b"[]", b"{}", b"5", b""])
def test_an_answer_without_an_address_is_written_all_the_same(answer: bytes) -> None:
    with answering_service() as service:
        service.answers = [(200, b"[]"), (201, answer)]
        found = Repository(url=service.url, name="a/b", token="t", is_local=True)
        assert PlanComment(found, 7, "x").put("plan", commit="c" * 40) == ""
        assert f"at `{'c' * 12}`" in json.loads(service.seen[1]["body"])["body"]


def test_a_plan_of_the_greatest_length_stays_whole(repository: Repository) -> None:
    comment = PlanComment(repository, 7, "production")
    comment.put(f"{'x' * (MAX_LENGTH - 1)}y", commit="")
    [body] = bodies(repository)
    assert "xy\n```\n" in body
    assert "cut" not in body
    comment.put(f"{'x' * (MAX_LENGTH - 1)}yz", commit="")
    [body] = bodies(repository)
    assert "xy\n… cut: the whole plan is in the workflow's log.\n```\n" in body
