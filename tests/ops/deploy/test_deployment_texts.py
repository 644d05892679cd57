"""What a deployment says of itself, and what it tells Cloudflare."""

from __future__ import annotations

import json

import pytest

from ops.deploy.release_checks import _assets_of
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import (
    ActiveDeployment,
    deploy_version,
    left_canary,
    short_version,
    worker_deployments,
)
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import OperationError, StackFailed
from ops.stacks.origin import short_hash
from tests.ops.answering_service import answering_service

ACCOUNT = "a" * 32


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "0 changes"),
        ({"same": 20}, "0 changes"),
        ({"update": 1, "create": 2, "same": 17}, "2 create, 1 update"),
    ],
)
def test_changes_are_counted_by_operation(changes: dict[str, int], text: str) -> None:
    assert StackUpdate("update", changes).summary == text


def test_the_console_of_a_version_is_that_of_its_release() -> None:
    outputs = {
        "releases": [
            {"version_id": "v2", "assets_sha256": "bbb"},
            {"version_id": "v1", "assets_sha256": "aaa"},
            {"version_id": "v0"},
        ]
    }
    assert [_assets_of(outputs, version) for version in ("v2", "v1", "v0", "other")] == [
        "bbb",
        "aaa",
        "",
        "",
    ]
    assert _assets_of({}, "v1") == ""


def test_one_version_gets_all_requests_with_a_message_that_cloudflare_takes() -> None:
    with answering_service() as api:
        api.answers = [(200, b'{"success": true, "result": {"id": "d1"}}')]
        account = StackAccount("production", ACCOUNT, api.url, True, "t" * 40)
        deploy_version(account, "notify", "11112222-3333", message="x" * 150)
    (call,) = api.seen
    assert call["method"] == "POST"
    path = f"/accounts/{ACCOUNT}/workers/scripts/notify/deployments"
    assert call["target"].partition("?")[0] == path
    assert json.loads(call["body"]) == {
        "strategy": "percentage",
        "versions": [{"version_id": "11112222-3333", "percentage": 100}],
        # Cloudflare's limit of a deployment's message.
        "annotations": {"workers/message": "x" * 100},
    }


def test_the_newest_deployment_is_in_force_whatever_the_order() -> None:
    def deployed(created: str, **shares: float) -> dict[str, object]:
        return {
            "created_on": created,
            "annotations": {"workers/message": f"at {created}"},
            "versions": [{"version_id": v, "percentage": p} for v, p in shares.items()],
        }

    listed = [
        deployed("2026-11-28T08:00:00Z", v1=100),
        deployed("2026-11-29T08:00:00Z", v1=20, v2=80),
    ]
    with answering_service() as api:
        api.answers = [
            (200, json.dumps({"success": True, "result": {"deployments": listed}}).encode()),
            (200, b'{"success": true, "result": {"deployments": []}}'),
        ]
        account = StackAccount("production", ACCOUNT, api.url, True, "t" * 40)
        found = ActiveDeployment.of_worker(account, "notify")
        with pytest.raises(StackFailed, match="notify has no deployment"):
            ActiveDeployment.of_worker(account, "notify")
    assert (found.shares, found.main_version) == ({"v1": 20.0, "v2": 80.0}, "v2")
    assert found.message == "at 2026-11-29T08:00:00Z"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2026-11-29T08:00:00.1Z", "2026-11-29T08:00:00.123Z"),
        ("2026-11-29T08:00:00Z", "2026-11-29T08:00:00.5Z"),
        ("2026-11-29T09:30:00+02:00", "2026-11-29T08:00:00Z"),
    ],
)
def test_deployments_are_in_the_order_of_their_moments(older: str, newer: str) -> None:
    def answer(*moments: str) -> tuple[int, bytes]:
        found = [{"created_on": each, "versions": []} for each in moments]
        return 200, json.dumps({"result": {"deployments": found}}).encode()

    with answering_service() as api:
        api.answers = [answer(older, newer), answer(newer, older), answer(newer, newer)]
        account = StackAccount("production", ACCOUNT, api.url, True, "t" * 40)
        for _ in range(2):
            listed = worker_deployments(account, "notify")
            assert [one["created_on"] for one in listed] == [newer, older]


@pytest.mark.parametrize("result", [None, [], {}, {"items": []}, {"deployments": [{"id": "d"}]}])
def test_another_answer_is_no_worker_without_a_deployment(result: object) -> None:
    with answering_service() as api:
        api.answers = [(200, json.dumps({"result": result}).encode())]
        account = StackAccount("production", ACCOUNT, api.url, True, "t" * 40)
        with pytest.raises(OperationError, match="unknown form"):
            ActiveDeployment.of_worker(account, "notify")


def test_people_are_shown_the_beginning_of_a_version_and_of_a_hash() -> None:
    assert short_version("11112222-3333-4444") == "11112222"
    assert short_hash("0123456789abcdef" * 4) == "0123456789ab"
    assert (short_version(""), short_hash("")) == ("", "")


def test_one_version_or_none_is_no_canary_and_several_are_told_from_the_least() -> None:
    assert left_canary({}, "dev") == left_canary({"v1": 100.0}, "dev") == ""
    assert left_canary({"11112222-3": 87.5, "33334444-5": 12.5}, "dev") == (
        "Several versions serve: 33334444 answers 12.5 % and 11112222 answers 87.5 % of the "
        "requests. That lasts until somebody decides: 'notifyctl deploy --stack dev --canary' "
        "continues from the same code, 'notifyctl up --stack dev' sends it all requests at once, "
        "and 'notifyctl rollback --stack dev' goes back to the version beside it."
    )
