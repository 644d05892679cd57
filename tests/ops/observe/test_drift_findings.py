"""Each kind of difference is told, and nothing else: on answers that no local edit can make."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ops.github.repository import Repository
from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.drift import Drift, DriftReport
from ops.observe.drift.finding import Finding, Repair
from ops.observe.drift.github_probe import GithubProbe
from ops.observe.drift.managed import Managed, managed_resources
from ops.stacks.account import StackAccount
from ops.stacks.deployment_report import DeploymentReport
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import StackFailed
from tests.ops.contexts import context_of

TOKEN = {
    "id": "t",
    "name": "ci",
    "status": "active",
    "policies": [{"effect": "allow", "permission_groups": [{"id": "g1"}, {"id": "g2"}]}],
}
ENVIRONMENT = {
    "name": "production",
    "protection_rules": [
        {
            "type": "required_reviewers",
            "prevent_self_review": True,
            "reviewers": [{"type": "User", "reviewer": {"id": 11}}],
        }
    ],
}
THERE: dict[str, Any] = {
    "d1/database/db": {"uuid": "db"},
    "storage/kv/namespaces/kv": {"id": "kv"},
    "queues/q": {"queue_id": "q"},
    "tokens/t": TOKEN,
    "/environments/production": ENVIRONMENT,
    "/environments/production/secrets/PROD_API_SECRET": {"name": "PROD_API_SECRET"},
    "/actions/secrets/SHARED": {"name": "SHARED"},
    "/environments/production/variables/STACK": {"name": "STACK", "value": "production"},
}


class Account(CloudflareProbe):
    """A probe of given answers."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        super().__init__(StackAccount("production", "0" * 32, "http://127.0.0.1:9", True, "t"))
        self._answers = answers

    def get(self, path: str) -> Any:
        return self._answers.get(path)


class NeverDeploys:
    """Fails the test that lets it deploy."""

    def preview(self) -> StackUpdate:
        raise AssertionError("a preview was asked for")

    def refresh(self) -> StackUpdate:
        raise AssertionError("a refresh was asked for")

    def run(self, *, message: str, verify: bool) -> DeploymentReport:
        raise AssertionError("a deployment was asked for")


class Answers(Repository):
    """A repository of given answers."""

    answers: Mapping[str, Any]

    def read(self, path: str) -> Any:
        return self.answers.get(path)


def resource(type_: str, name: str, identifier: str, /, **outputs: Any) -> Managed:
    return Managed(type_, name, identifier, outputs, outputs)


STATE = [
    resource("cloudflare:D1Database", "database", "db"),
    resource("cloudflare:WorkersKvNamespace", "config-cache", "kv"),
    resource("cloudflare:Queue", "retry-queue", "q"),
    resource(
        "cloudflare:AccountToken",
        "token",
        "t",
        name="ci",
        policies=[{"effect": "allow", "permissionGroups": [{"id": "g2"}, {"id": "g1"}]}],
    ),
    resource(
        "github:RepositoryEnvironment",
        "environment",
        "r:production",
        environment="production",
        reviewers=[{"users": [11], "teams": []}],
        preventSelfReview=True,
    ),
    resource(
        "github:ActionsEnvironmentSecret",
        "secret",
        "x",
        environment="production",
        secretName="PROD_API_SECRET",
    ),
    resource("github:ActionsSecret", "shared", "y", secretName="SHARED"),
    resource(
        "github:ActionsEnvironmentVariable",
        "variable",
        "z",
        environment="production",
        variableName="STACK",
        value="production",
    ),
]
EDITS: list[tuple[str, str, Any]] = [
    ("database", "d1/database/db", None),
    ("namespace", "storage/kv/namespaces/kv", None),
    ("queue", "queues/q", None),
    ("token", "tokens/t", None),
    ("token", "tokens/t", {**TOKEN, "status": "disabled"}),
    (
        "token scopes",
        "tokens/t",
        {
            **TOKEN,
            "policies": [
                {"effect": "allow", "permission_groups": [{"id": g} for g in ("g1", "g2", "g3")]}
            ],
        },
    ),
    ("environment", "/environments/production", None),
    (
        "reviewers",
        "/environments/production",
        {
            "name": "production",
            "protection_rules": [
                {
                    "prevent_self_review": True,
                    "reviewers": [{"type": "User", "reviewer": {"id": 12}}],
                }
            ],
        },
    ),
    (
        "self-review",
        "/environments/production",
        {
            "name": "production",
            "protection_rules": [
                {
                    "prevent_self_review": False,
                    "reviewers": [{"type": "User", "reviewer": {"id": 11}}],
                }
            ],
        },
    ),
    ("environment secret", "/environments/production/secrets/PROD_API_SECRET", None),
    ("Actions secret", "/actions/secrets/SHARED", None),
    ("environment variable", "/environments/production/variables/STACK", None),
    (
        "environment variable",
        "/environments/production/variables/STACK",
        {"name": "STACK", "value": "other"},
    ),
]


def kinds(answers: Mapping[str, Any]) -> list[str]:
    repository = Answers("http://127.0.0.1:9/api/v3", "team/service", "t", True)
    object.__setattr__(repository, "answers", answers)
    account, github = Account(answers), GithubProbe(repository)
    return [
        finding.kind
        for managed in STATE
        for probe in (account, github)
        for finding in probe.findings(managed)
    ]


def test_what_is_as_the_state_says_is_no_difference() -> None:
    assert kinds(THERE) == []


@pytest.mark.parametrize(("kind", "path", "answer"), EDITS)
def test_each_kind_of_edit_is_one_difference(kind: str, path: str, answer: Any) -> None:
    assert kinds({**THERE, path: answer}) == [kind]


@pytest.mark.requirement("PD-04")
@pytest.mark.parametrize(("pages", "found"), [(2, []), (1, ["consumer"] * 3)])
def test_a_consumer_is_looked_for_on_every_page(pages: int, found: list[str]) -> None:
    mine = {"consumer_id": "mine", "script_name": "w"}
    others = [{"consumer_id": f"other-{n}", "script_name": "x"} for n in range(pages % 2 * 2)]

    class Client:
        def get(self, url: str, *, cast_to: object) -> dict[str, Any]:
            assert urlsplit(url).path == f"/accounts/{'0' * 32}/queues/q/consumers"
            number = int(parse_qs(urlsplit(url).query)["page"][0])
            items, of = ([mine], 2) if number == 2 else (others, pages)
            return {"result": items, "result_info": {"total_pages": of}}

    class Paged(StackAccount):
        def ask(self, what: str, call: Callable[[Any], Any]) -> Any:
            return call(Client())

    consumer = resource("cloudflare:QueueConsumer", "c", "c", queueId="q", consumerId="mine")
    probe = CloudflareProbe(Paged("production", "0" * 32, "http://127.0.0.1:9", True, "t"))
    kinds = [finding.kind for finding in probe.findings(consumer)]
    assert kinds == found


def test_seeded_sets_of_edits_are_found_whole() -> None:
    chosen = random.Random(7)  # noqa: S311 - which edits are made need not be secret
    for _ in range(40):
        edits = {edit[1]: edit for edit in chosen.sample(EDITS, chosen.randint(1, 5))}
        answers = {**THERE, **{path: answer for path, (_, _, answer) in edits.items()}}
        assert sorted(kinds(answers)) == sorted(kind for kind, _, _ in edits.values())


def test_a_states_components_and_resources_to_delete_are_no_subject() -> None:
    live = {
        "urn": "urn:pulumi:s::p::cloudflare:index/queue:Queue::retry-queue",
        "custom": True,
        "id": "q",
        "type": "cloudflare:index/queue:Queue",
        "outputs": {"queueName": "retry-queue"},
    }
    component = {**live, "custom": False, "id": ""}
    [only] = managed_resources([live, {**live, "delete": True}, component])
    assert (only.type, only.name, only.text("queueName")) == (
        *("cloudflare:Queue", "retry-queue", "retry-queue"),
    )


def test_a_database_that_is_gone_is_never_made_anew(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text("config: {}\n")
    gone = Finding("database", "database", "db", "nothing", Repair.NONE)
    other = Finding("route", "route", "a", "b", Repair.UPDATE)
    drift = Drift(context_of(tmp_path))
    with pytest.raises(StackFailed, match="nothing was repaired"):
        drift.repair(DriftReport("local", 2, (gone, other)), NeverDeploys())
