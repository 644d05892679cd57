"""The repository that a stack's pipelines run in, asked by GitHub's API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ops.github.repository import Repository
from ops.stacks.errors import OperationError, UsageError
from tests.ops.answering_service import AnsweringService, answering_service
from tests.ops.contexts import context_of

BASE = "encryptionsalt: v1:abc\nconfig:\n  notification-system:environment: production\n"


def repository(service: AnsweringService) -> Repository:
    return Repository(url=service.url, name="team/notify", token="t" * 40, is_local=True)


def of_stack(folder: Path, settings: str, **environment: str) -> Repository:
    file = folder / "Pulumi.production.yaml"
    file.write_text(BASE + settings, encoding="utf-8")
    (folder / "Pulumi.yaml").write_text("name: notification-system\nruntime: python\n")
    return Repository.of(
        context_of(folder, "production", environment={"GITHUB_TOKEN": "t" * 40, **environment})
    )


@pytest.mark.parametrize(
    ("settings", "environment", "name"),
    [
        pytest.param(
            "  notification-system:githubOwner: team\n"
            "  notification-system:githubRepository: notify\n",
            {"GITHUB_REPOSITORY": "other/one"},
            "team/notify",
            id="the settings win",
        ),
        pytest.param("", {"GITHUB_REPOSITORY": "other/one"}, "other/one", id="the pipeline's own"),
        pytest.param(
            "  notification-system:githubOwner: team\n",
            {"GITHUB_REPOSITORY": "other/one"},
            "other/one",
            id="half a setting is none",
        ),
    ],
)
def test_the_repository_is_found_in_settings_or_environment(
    tmp_path: Path, settings: str, environment: dict[str, str], name: str
) -> None:
    assert of_stack(tmp_path, settings, **environment).name == name


@pytest.mark.parametrize("named", ["", "notify", "a/b/c"])
def test_what_names_no_repository_is_refused(tmp_path: Path, named: str) -> None:
    with pytest.raises(UsageError, match=r"which repository is meant: .* Pulumi\.production\.yaml"):
        of_stack(tmp_path, "", GITHUB_REPOSITORY=named)


def test_no_token_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no GITHUB_TOKEN"):
        of_stack(tmp_path, "", GITHUB_REPOSITORY="a/b", GITHUB_TOKEN="")


def test_a_call_names_the_repository_and_carries_the_token() -> None:
    with answering_service() as service:
        service.answers = [(201, b'{"id": 7}')]
        answer = repository(service).call("POST", "/issues", query={"q": "1"}, body={"title": "x"})
    assert answer == {"id": 7}
    (call,) = service.seen
    assert (call["method"], call["target"]) == ("POST", "/repos/team/notify/issues?q=1")
    assert call["headers"]["authorization"] == f"Bearer {'t' * 40}"
    assert json.loads(call["body"]) == {"title": "x"}


def test_a_call_without_content_gives_nothing() -> None:
    with answering_service() as service:
        service.answers = [(204, b"")]
        assert repository(service).call("POST", "/dispatches") is None


@pytest.mark.parametrize("status", [300, 403, 500])
def test_a_refusal_has_call_and_status(status: int) -> None:
    with answering_service() as service:
        service.answers = [(status, b"{}")]
        with pytest.raises(OperationError, match=rf"GET /repos/team/notify/x with {status}"):
            repository(service).call("GET", "/x")
        with pytest.raises(OperationError, match=rf"GET /repos/team/notify/x with {status}"):
            repository(service).read("/x")


def test_only_what_is_missing_reads_as_nothing() -> None:
    with answering_service() as service:
        service.answers = [(404, b'{"message": "Not Found", "status": "404"}')]
        assert repository(service).read("/x") is None
        with pytest.raises(OperationError, match="404"):
            repository(service).call("GET", "/x")


def test_a_page_of_a_proxy_is_no_answer() -> None:
    with answering_service() as service:
        service.content_type, service.answers = "text/html", [(200, b"<html>Sign in</html>")]
        for ask in (repository(service).read, lambda path: repository(service).call("GET", path)):
            with pytest.raises(OperationError, match=r"GET /repos/team/notify/x .* no JSON"):
                ask("/x")


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"error": "no such host"}'])
def test_a_404_that_is_no_answer_of_github_says_nothing_of_what_is_there(body: bytes) -> None:
    with answering_service() as service:
        service.answers = [(404, body)]
        with pytest.raises(OperationError, match=r"GET /repos/team/notify/x .* no JSON of GitHub"):
            repository(service).read("/x")


@pytest.mark.parametrize("body", [b"{}", b"[5]", b'{"message": "moved"}'])
def test_a_list_that_is_none_is_no_empty_one(body: bytes) -> None:
    with answering_service() as service:
        service.answers = [(200, body)]
        with pytest.raises(OperationError, match="no JSON of GitHub"):
            list(repository(service).pages("/deployments"))


def test_a_list_is_read_page_after_page_until_a_short_one() -> None:
    def page(count: int) -> tuple[int, bytes]:
        items: list[dict[str, Any]] = [{"id": number} for number in range(count)]
        return 200, json.dumps(items).encode()

    with answering_service() as service:
        service.answers = [page(100), page(100), page(3)]
        found = list(repository(service).pages("/deployments", {"environment": "production"}))
    assert len(found) == 203
    queries = [parse_qs(urlsplit(call["target"]).query) for call in service.seen]
    assert [query["page"] for query in queries] == [["1"], ["2"], ["3"]]
    assert {query["environment"][0] for query in queries} == {"production"}


def test_a_server_that_is_away_is_told() -> None:
    away = Repository(url="http://127.0.0.1:9", name="a/b", token="t", is_local=True)
    with pytest.raises(OperationError, match="gave no answer"):
        away.call("GET", "/x")


def test_a_list_that_comes_to_no_end_is_refused_and_not_cut() -> None:
    with answering_service() as service:
        service.answers = [(200, json.dumps([{"id": 1}] * 100).encode())]
        with pytest.raises(OperationError, match="more than 5,000 items"):
            list(repository(service).pages("/pulls"))
        assert len(service.seen) == 50
