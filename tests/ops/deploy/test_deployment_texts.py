"""What a deployment says of itself, and what it tells Cloudflare."""

from __future__ import annotations

import json

import pytest

from ops.deploy.release_checks import _assets_of
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment, deploy_version
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import StackFailed
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
            "author_email": "ada@example.com",
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
    assert (found.author, found.message) == ("ada@example.com", "at 2026-11-29T08:00:00Z")
