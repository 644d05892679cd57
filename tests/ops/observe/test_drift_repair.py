"""Whatever drift advises can be done: each repair makes its call, and the rest is said by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.github.repository import Repository
from ops.observe.drift import cloudflare_kinds, github_probe
from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.drift import DriftReport
from ops.observe.drift.finding import Finding, Repair
from ops.observe.drift.managed import Managed
from ops.observe.drift.repair import BY_HAND, repair
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError
from tests.infra.registrations import Registration
from tests.infra.resource_picture import full_stack

KINDS = {**cloudflare_kinds.KINDS, **github_probe.KINDS}
CONSUMER = {"consumer_id": "c1", "script_name": "notification-system"}


class Account(CloudflareProbe):
    """Notes what is sent, and knows the consumers of every queue."""

    def __init__(self, *consumers: dict[str, str]) -> None:
        super().__init__(StackAccount("production", "0" * 32, "http://127.0.0.1:9", True, "t"))
        self.sent: list[tuple[str, str, Any]] = []
        self._consumers = [CONSUMER, *consumers]

    def listed(self, path: str) -> list[dict[str, Any]]:
        assert path == "queues/q1/consumers"
        return list(self._consumers)

    def send(self, method: str, path: str, body: Any) -> None:
        self.sent.append((method, path, body))


def advices() -> Iterator[tuple[str, str, Repair]]:
    """Every kind of difference that a probe may tell: resource type, kind and its repair."""
    for type_, kind in KINDS.items():
        yield type_, kind.title, kind.gone
        for rule in kind.compared.values():
            yield type_, rule.kind, rule.repair
    yield "cloudflare:WorkersDeployment", "secrets", Repair.CALL
    # Told by the probes themselves.
    yield "cloudflare:AccountToken", "token", Repair.NONE
    yield "github:RepositoryEnvironmentDeploymentPolicy", "branch policy", Repair.NONE


ADVICES = sorted(set(advices()))
CALLS = [(type_, kind) for type_, kind, how in ADVICES if how is Repair.CALL]


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Managed]:
    """One resource of each type, as the program declares it."""
    folder: Path = tmp_path_factory.mktemp("stack")
    return {managed.type: managed for managed in map(managed_of, full_stack(folder).registrations)}


def managed_of(registration: Registration) -> Managed:
    package, _, rest = registration.type.partition(":")
    inputs = dict(registration.inputs)
    outputs = {**inputs, "queueId": "q1", "consumerId": "c1", "scriptName": "notification-system"}
    if "versions" in inputs:
        outputs["versions"] = [{"versionId": "v1", "percentage": 100}]
    return Managed(f"{package}:{rest.rpartition(':')[2]}", registration.name, "q1", outputs, inputs)


@pytest.mark.parametrize(
    ("type_", "kind"), [call for call in CALLS if call[0].startswith("cloudflare:")]
)
def test_every_repair_by_a_call_makes_that_call(
    declared: dict[str, Managed], type_: str, kind: str
) -> None:
    account, resource = Account(), declared[type_]
    repair(account, Finding(kind, resource.name, "this", "that", Repair.CALL), resource)
    [(method, path, body)] = account.sent
    assert method in ("PUT", "POST", "PATCH")
    put_back = {
        "deployments": {"versions": [{"version_id": "v1", "percentage": 100}]},
        "schedules": [{"cron": one["cron"]} for one in resource.inputs.get("schedules") or []],
        "q1": {"settings": {"delivery_paused": False}},
        "c1": {"script_name": "notification-system"},
    }[path.rpartition("/")[2]]
    if isinstance(put_back, dict):
        assert {key: body[key] for key in put_back} == put_back
    else:
        assert body == put_back
    if path.endswith("c1"):
        assert body["settings"]["batch_size"] == resource.inputs["settings"]["batchSize"]


class Gates(github_probe.GithubProbe):
    """Notes what is sent to the repository."""

    def __init__(self) -> None:
        super().__init__(Repository("http://127.0.0.1:9", "o/r", "t", is_local=True))
        self._repository = self  # type: ignore[assignment]
        self.sent: list[tuple[str, str, Any]] = []

    def call(self, method: str, path: str, *, body: Any) -> None:
        self.sent.append((method, path, body))


@pytest.mark.parametrize("call", [call for call in CALLS if not call[0].startswith("cloudflare:")])
def test_a_gate_is_put_back_whole_with_its_reviewers(call: tuple[str, str]) -> None:
    type_, kind = call
    inputs = {
        "repository": "r",
        "environment": "production",
        "reviewers": [{"users": [7], "teams": [8]}],
        "preventSelfReview": True,
        "canAdminsBypass": False,
        "deploymentBranchPolicy": {"protectedBranches": False, "customBranchPolicies": True},
    }
    gates, resource = Gates(), Managed(type_, "production", "r:production", inputs, inputs)
    repair(gates, Finding(kind, "production", "this", "that", Repair.CALL), resource)
    assert gates.sent == [
        (
            "PUT",
            "/environments/production",
            {
                "wait_timer": 0,
                "reviewers": [{"type": "Team", "id": 8}, {"type": "User", "id": 7}],
                "can_admins_bypass": False,
                "prevent_self_review": True,
                "deployment_branch_policy": {
                    "protected_branches": False,
                    "custom_branch_policies": True,
                },
            },
        )
    ]
    with pytest.raises(OperationError, match="No call is known that restores the colour of"):
        repair(gates, Finding("colour", "production", "x", "y", Repair.CALL), resource)


def test_a_consumer_of_another_worker_is_removed_and_the_own_one_left(
    declared: dict[str, Managed],
) -> None:
    account = Account({"consumer_id": "c2", "script_name": "shop"})
    resource = declared["cloudflare:QueueConsumer"]
    repair(account, Finding("consumer", resource.name, "x", "shop", Repair.CALL), resource)
    assert [(m, p) for m, p, _ in account.sent] == [
        ("DELETE", "queues/q1/consumers/c2"),
        ("PUT", "queues/q1/consumers/c1"),
    ]


def test_a_repair_that_there_is_none_of_is_no_silent_success(declared: dict[str, Managed]) -> None:
    account, resource = Account(), declared["cloudflare:Queue"]
    with pytest.raises(OperationError, match="No call is known that restores the colour of"):
        repair(account, Finding("colour", resource.name, "x", "y", Repair.CALL), resource)
    assert account.sent == []


@pytest.mark.parametrize(("type_", "kind", "how"), ADVICES)
def test_every_difference_has_an_advice_that_says_what_to_do(
    type_: str, kind: str, how: Repair
) -> None:
    advice = DriftReport("dev", 1, (Finding(kind, type_, "this", "that", how),)).advice
    if how is Repair.NONE or kind == "database":
        assert advice == BY_HAND[kind]
    else:
        assert advice == "Correct it with 'notifyctl drift --stack dev --repair'."


def test_what_is_left_for_a_person_is_said_beside_what_a_repair_puts_right() -> None:
    findings = (
        Finding("token", "ci-token-1", "active", "disabled", Repair.NONE),
        Finding("cron", "cron", "* * * * *", "none", Repair.CALL),
    )
    advice = DriftReport("dev", 2, findings).advice
    assert advice == (f"Correct it with 'notifyctl drift --stack dev --repair'. {BY_HAND['token']}")
    lost = Finding("database", "database", "x", "nothing", Repair.NONE)
    assert DriftReport("dev", 3, (*findings, lost)).advice == BY_HAND["database"]
