"""A Worker's deployments, as Cloudflare tells them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ops.deploy.release import deployment_list
from ops.deploy.release.deployment_list import DeploymentList, WorkerDeployment
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError, StackFailed
from tests.ops.answering_service import answering_service

ACCOUNT = "a" * 32


def deployment(identifier: str) -> WorkerDeployment:
    return WorkerDeployment(
        id=identifier,
        created="2026-11-29T08:00:00Z",
        author="ada@example.com",
        source="api",
        message="A release",
        shares={"v1": 90.0, "v2": 10.0},
        is_active=True,
    )


def listed(*identifiers: str, base_url: str = "http://127.0.0.1:9") -> DeploymentList:
    account = StackAccount("production", ACCOUNT, base_url, True, "t" * 40)
    return DeploymentList(account, "notify", tuple(map(deployment, identifiers)))


def test_a_deployment_is_found_by_the_beginning_of_its_id() -> None:
    found = listed("abcd1111", "abce2222")
    assert found.find("abcd").id == "abcd1111"
    assert found.find("abce2222").id == "abce2222"


@pytest.mark.parametrize(
    ("name", "matching"),
    [
        pytest.param("abc", 2, id="several, and short"),
        pytest.param("xyz1", 0, id="none"),
        pytest.param("abcd", 2, id="several"),
        pytest.param("q99", 1, id="one, by fewer than four characters"),
    ],
)
def test_an_id_that_names_no_single_deployment_is_refused(name: str, matching: int) -> None:
    deployments = listed("abcd1111", "abcd2222", "q9999999")
    with pytest.raises(OperationError, match=rf"'{name}' names {matching} deployments of notify"):
        deployments.find(name)


def test_a_deployment_in_json_has_its_versions_with_their_shares() -> None:
    assert deployment("abcd1111").document() == {
        "id": "abcd1111",
        "created": "2026-11-29T08:00:00Z",
        "author": "ada@example.com",
        "source": "api",
        "message": "A release",
        "active": True,
        "versions": [
            {"version_id": "v1", "percentage": 90.0},
            {"version_id": "v2", "percentage": 10.0},
        ],
    }


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (
            {
                "number": 7,
                "created_on": "2026-11-29T08:00:00Z",
                "annotations": {"workers/tag": "x"},
                "bindings": [{"name": "DB", "type": "d1"}, {"name": "KEY", "type": "secret_text"}],
            },
            {
                "number": 7,
                "created": "2026-11-29T08:00:00Z",
                "annotations": {"workers/tag": "x"},
                "bindings": {"DB": "d1", "KEY": "secret_text"},
            },
        ),
        ({}, {"number": None, "created": None, "annotations": {}, "bindings": {}}),
    ],
)
def test_a_version_is_told_by_its_number_and_the_names_of_its_bindings(
    kept: dict[str, Any], told: dict[str, Any]
) -> None:
    with answering_service() as api:
        api.answers = [(200, json.dumps({"success": True, "result": kept}).encode())]
        found = listed("abcd1111", base_url=api.url).version("11112222-3333")
    assert found == {"version_id": "11112222-3333", **told}
    assert api.seen[0]["target"] == (
        f"/accounts/{ACCOUNT}/workers/workers/notify/versions/11112222-3333"
    )


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("text/html", b"<html>Sign in</html>", id="a page"),
        pytest.param("application/json", b'{"success": false, "errors": []}', id="no success"),
        pytest.param("application/json", b'{"success": true}', id="no result"),
        pytest.param("application/json", b"[]", id="a list"),
    ],
)
def test_an_answer_that_is_no_document_of_the_api_is_no_empty_version(
    content_type: str, body: bytes
) -> None:
    with answering_service() as api:
        api.content_type, api.answers = content_type, [(200, body)]
        with pytest.raises(OperationError, match=r"^http://127.*when asked to show version 11112"):
            listed("abcd1111", base_url=api.url).version("11112222-3333")


def told(account: Any, worker: Any, monkeypatch: pytest.MonkeyPatch, *found: Any) -> DeploymentList:
    outputs = SimpleNamespace(outputs=lambda **_: {"worker_name": worker})
    monkeypatch.setattr(deployment_list, "choose_driver", lambda _: outputs)
    monkeypatch.setattr(deployment_list, "StackAccount", SimpleNamespace(of=lambda _: account))
    monkeypatch.setattr(deployment_list, "worker_deployments", lambda *_: list(found))
    context: Any = SimpleNamespace(stack="dev")
    return DeploymentList.of_stack(context)


def test_the_first_deployment_that_cloudflare_tells_is_the_active_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = StackAccount("dev", ACCOUNT, "http://127.0.0.1:9", True, "t" * 40)
    one = {
        "id": "d2",
        "created_on": "2026-11-29T08:00:00Z",
        "author_email": "ada@example.com",
        "source": "api",
        "annotations": {"workers/message": "a release"},
        "versions": [{"version_id": "v1", "percentage": 100}],
    }
    bare = {"id": "d1", "created_on": "earlier", "versions": []}
    found = told(account, "notify", monkeypatch, one, bare)
    assert (found.account, found.worker) == (account, "notify")
    assert found.deployments == (
        WorkerDeployment(
            "d2",
            "2026-11-29T08:00:00Z",
            "ada@example.com",
            "api",
            "a release",
            {"v1": 100.0},
            is_active=True,
        ),
        WorkerDeployment("d1", "earlier", "", "", "", {}, is_active=False),
    )
    with pytest.raises(OperationError, match="list the deployments of notify"):
        told(account, "notify", monkeypatch, {"id": "d1"})


@pytest.mark.parametrize(
    ("worker", "said"),
    [(None, "The stack 'dev' has no Worker yet"), ("notify", "notify has no deployment")],
)
def test_a_stack_without_a_deployment_is_told_with_what_makes_one(
    monkeypatch: pytest.MonkeyPatch, worker: str | None, said: str
) -> None:
    account = StackAccount("dev", ACCOUNT, "http://127.0.0.1:9", True, "t" * 40)
    with pytest.raises(StackFailed, match=f"{said}.*notifyctl up --stack dev"):
        told(account, worker, monkeypatch)
