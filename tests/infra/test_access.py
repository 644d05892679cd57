"""The component access: exactly the needed scopes, two gates, every value that workflows read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_cloudflare as cloudflare
import pytest
from pulumi.runtime import mocks

from infra.access.permission import Permission
from infra.components.access import Access, AccessArgs, github_provider
from infra.program import declare
from infra.settings.check import CheckedConfig, RawConfig
from tests.infra import registrations
from tests.infra.registrations import Declared, declare_stack
from tests.infra.stack_inputs import ACCOUNT, API_SECRET, CONFIG, ENCRYPT_KEY, stack_inputs

ACCESS = {
    "manageAccess": "true",
    "githubOwner": "team",
    "githubRepository": "notifications",
    "productionReviewers": '["ada", "Bob"]',
    "productionApprovers": '["grace"]',
}
USERS = {"ada": "11", "Bob": "12", "grace": "13"}
PASSPHRASE = "correct horse"
DATABASE = "18f97339-c287-4872-9bdd-e2135c07ec12"
CANARY = "canary-token-51c0"
Groups = list[dict[str, Any]]


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> Groups:
    """The account's permission groups; a test may change them."""
    found: Groups = [
        {"id": f"{number:032x}", "name": item.group, "scopes": [item.scope.value]}
        for number, item in enumerate(Permission, start=1)
    ]
    # Names that differ in nothing but the scope, as the real list has them.
    twin = {"name": "Workers Scripts Write", "scopes": ["com.cloudflare.api.account.zone"]}
    found.append({"id": "f" * 32, **twin})

    def call(_self: object, args: mocks.MockCallArgs) -> tuple[dict[str, Any], Any]:
        if args.token == "github:index/getUser:getUser":
            login = args.args["username"]
            if login not in USERS:
                return {}, [("username", "404 Not Found")]
            return {"id": USERS[login], "login": login, "username": login}, []
        assert args.token.endswith(":getAccountApiTokenPermissionGroupsList")
        assert args.args == {"accountId": ACCOUNT}
        return {"results": found}, []

    monkeypatch.setattr(registrations._Provider, "call", call)
    return found


def access(stack: str = "production", **changes: Any) -> Declared:
    """Declare access of a stack."""
    values = {**CONFIG, **ACCESS, "pulumiConfigPassphrase": PASSPHRASE, **changes}
    values = {key: value for key, value in values.items() if value is not None}
    secret = frozenset({"apiSecretKey", "encryptKey", "pulumiConfigPassphrase"})
    config = CheckedConfig(RawConfig("the test's configuration", stack, values, secret))
    settings = config.settings()

    def program() -> dict[str, object]:
        provider = cloudflare.Provider("cloudflare", base_url=settings.cloudflare_base_url)
        made = Access(
            "access",
            AccessArgs(
                settings=settings,
                secrets=config.secrets(),
                workflow_secrets=config.workflow_secrets(),
                zone_id=settings.zone_id,
            ),
            pulumi.ResourceOptions(providers=[provider, github_provider(settings)]),
        )
        return made.outputs()

    return declare_stack(program, stack=stack)


@pytest.mark.requirement("S0-05", "PD-13")
def test_the_token_has_exactly_the_permissions_that_a_deployment_needs(groups: Groups) -> None:
    token = access().one("ci-token-1")
    (policy,) = token.inputs["policies"]
    named = {group["id"]: group["name"] for group in groups}
    ids = [group["id"] for group in policy["permissionGroups"]]
    assert ids == sorted(ids)
    assert {named[identifier] for identifier in ids} == {
        "Workers Scripts Write",
        "Workers KV Storage Write",
        "D1 Write",
        "Queues Write",
        "Account Settings Read",
    }
    assert "f" * 32 not in ids
    assert policy["effect"] == "allow"
    assert policy["resources"] == f'{{"com.cloudflare.api.account.{ACCOUNT}":"*"}}'
    assert {"condition", "expiresOn"} & set(token.inputs) == set()


@pytest.mark.requirement("S0-05")
def test_a_zones_permission_comes_with_a_domain_and_for_that_zone_alone(groups: Groups) -> None:
    zone = "5" * 32
    token = access(customDomain="n.example.com", zoneId=zone).one("ci-token-1")
    ours = token.inputs["policies"]
    (theirs,) = [policy for policy in ours if "zone" in policy["resources"]]
    named = {group["id"]: group["name"] for group in groups}
    assert [named[group["id"]] for group in theirs["permissionGroups"]] == ["Workers Routes Write"]
    assert theirs["resources"] == f'{{"com.cloudflare.api.account.zone.{zone}":"*"}}'
    assert len(ours) == 2


@pytest.mark.requirement("PD-13")
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda found: found.pop(2), "'D1 Write' of scope .* no such group"),
        (lambda found: found[2].update(name="D1 write"), "'D1 Write' of scope .* no such group"),
        (
            lambda found: found.append({**found[3], "id": "e" * 32}),
            r"'Queues Write' of scope .* \(there are 2 such groups\)",
        ),
    ],
)
def test_a_permission_without_exactly_one_group_stops_the_plan(
    groups: Groups, spoil: Callable[[Groups], Any], words: str
) -> None:
    spoil(groups)
    with pytest.raises(pulumi.RunError, match=words):
        access()


def test_the_token_ends_and_is_bound_to_addresses_where_that_is_set(groups: Groups) -> None:
    ips = '["192.0.2.0/24", "192.0.1.1"]'
    token = access(ciTokenExpiresOn="2027-01-31", ciTokenAllowedIps=ips).one("ci-token-1")
    assert token.inputs["expiresOn"] == "2027-01-31T00:00:00Z"
    assert token.inputs["condition"] == {"requestIp": {"ins": ["192.0.1.1", "192.0.2.0/24"]}}


@pytest.mark.requirement("S0-28", "PD-13")
def test_two_tokens_overlap_and_the_workflows_get_the_newest(groups: Groups) -> None:
    def token_given(found: Declared) -> str:
        secret = found.one("secret-CLOUDFLARE_API_TOKEN")
        urns = {r.urn: r.name for r in found.of_type("AccountToken") if "ci-" in r.name}
        (name,) = {urns[urn] for urn in secret.dependencies & set(urns)}
        return name

    assert token_given(access()) == "ci-token-1"
    both = access(ciTokenGenerations="[1, 2]")
    assert {r.name for r in both.of_type("AccountToken")} == {
        *("ci-token-1", "ci-token-2", "watch-token-1", "watch-token-2"),
        *("plan-token-1", "plan-token-2"),
    }
    assert token_given(both) == "ci-token-2"
    assert both.outputs["ci_token_id"] == "ci-token-2-id"
    after = access(ciTokenGenerations="[2]")
    assert {r.name for r in after.of_type("AccountToken")} == {
        *("ci-token-2", "watch-token-2", "plan-token-2"),
    }
    assert after.one("ci-token-2").inputs == both.one("ci-token-2").inputs


@pytest.mark.requirement("S4-32")
def test_production_is_two_gates_whose_people_differ(groups: Groups) -> None:
    found = access()
    assert found.outputs["github_environments"] == [
        *("production-approval", "production", "production-nightly", "production-plan"),
    ]
    first, second = found.one("production-approval").inputs, found.one("production").inputs
    assert first["reviewers"] == [{"users": [11, 12]}]
    assert second["reviewers"] == [{"users": [13]}]
    for gate in (first, second):
        assert gate["preventSelfReview"] is True
        assert gate["canAdminsBypass"] is False
        assert gate["deploymentBranchPolicy"] == {
            "protectedBranches": False,
            "customBranchPolicies": True,
        }
    branches = found.of_type("RepositoryEnvironmentDeploymentPolicy")
    assert {b.inputs["environment"] for b in branches} == {
        *("production-approval", "production", "production-nightly"),
    }
    assert {b.inputs["branchPattern"] for b in branches} == {"main"}
    # The first gate leads to nothing: the secrets are behind the second.
    secrets = found.of_type("ActionsEnvironmentSecret")
    places = {secret.inputs["environment"] for secret in secrets}
    assert places == {"production", "production-nightly", "production-plan"}


def test_what_no_gate_holds_up_deploys_nothing(groups: Groups) -> None:
    found = access()
    nightly = found.one("production-nightly").inputs
    assert "reviewers" not in nightly
    (policy,) = found.one("watch-token-1").inputs["policies"]
    named = {group["id"]: group["name"] for group in groups}
    names = {named[group["id"]] for group in policy["permissionGroups"]}
    assert [name for name in names if name.endswith("Write")] == ["D1 Write"]
    secrets = {
        r.inputs["secretName"]
        for r in found.of_type("ActionsEnvironmentSecret")
        if r.inputs["environment"] == "production-nightly"
    }
    assert secrets == {"CLOUDFLARE_API_TOKEN", "PULUMI_CONFIG_PASSPHRASE"}
    assert found.depends_on("secret-CLOUDFLARE_API_TOKEN-nightly", "watch-token-1")
    assert not found.depends_on("secret-CLOUDFLARE_API_TOKEN-nightly", "ci-token-1")


def test_a_pull_requests_plan_gets_a_token_that_reads_and_no_secret_of_production(
    groups: Groups,
) -> None:
    found = access()
    given = [r for r in found.registrations if r.inputs.get("environment") == "production-plan"]
    secrets = {r.inputs["secretName"] for r in given if "secretName" in r.inputs}
    variables = {r.inputs["variableName"] for r in given if "variableName" in r.inputs}
    assert (secrets, variables) == ({"CLOUDFLARE_API_TOKEN"}, {"STACK"})
    assert found.depends_on("secret-CLOUDFLARE_API_TOKEN-plan", "plan-token-1")
    assert not found.depends_on("secret-CLOUDFLARE_API_TOKEN-plan", "ci-token-1")
    (policy,) = found.one("plan-token-1").inputs["policies"]
    named = {group["id"]: group["name"] for group in groups}
    names = [named[group["id"]] for group in policy["permissionGroups"]]
    assert names
    assert [name for name in names if not name.endswith(" Read")] == []


def test_a_reviewer_who_is_nobody_stops_the_plan(groups: Groups) -> None:
    with pytest.raises(pulumi.RunError, match=r"user 'mallory' could not be looked up: .*404"):
        access(productionApprovers='["mallory"]')


@pytest.mark.requirement("S0-21", "S0-22")
def test_the_workflows_get_every_value_that_is_set_and_a_notice_for_each_other(
    groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda text, *_: notices.append(text))
    found = access(adoptDatabaseId=DATABASE)
    behind = [r for r in found.registrations if r.inputs.get("environment") == "production"]
    secrets = {r.inputs["secretName"]: r for r in behind if "secretName" in r.inputs}
    assert set(secrets) == {
        *("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "PROD_DB_ID"),
        *("PROD_API_SECRET", "PROD_ENCRYPT_KEY", "CLOUDFLARE_SUBDOMAIN"),
        "PULUMI_CONFIG_PASSPHRASE",
    }
    assert secrets["PROD_DB_ID"].inputs["value"] == DATABASE
    assert secrets["PROD_API_SECRET"].inputs["value"] == API_SECRET
    assert secrets["PROD_ENCRYPT_KEY"].inputs["value"] == ENCRYPT_KEY
    assert secrets["PULUMI_CONFIG_PASSPHRASE"].inputs["value"] == PASSPHRASE
    assert all("value" in secret.secret for secret in secrets.values())
    variables = {r.inputs["variableName"]: r for r in behind if "variableName" in r.inputs}
    assert {name: r.inputs["value"] for name, r in variables.items()} == {
        "STACK": "production",
        "SERVICE_URL": "https://notification-system.my-team.workers.dev",
    }
    skipped = {
        *("PROD_GRAFANA_USERNAME", "PROD_GRAFANA_PASSWORD", "LARK_WEBHOOK_URL"),
        *("LARK_WEBHOOK_SECRET", "LARK_DEPLOY_WEBHOOK", "PULUMI_ACCESS_TOKEN"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "PULUMI_BACKEND_URL", "PROD_KV_ID"),
        *("BACKUP_BUCKET", "NOTIFYCTL_BACKUP_PASSPHRASE", "LARK_DEPLOY_SECRET"),
        *("SLACK_DEPLOY_WEBHOOK", "DEPLOY_WEBHOOK"),
    }
    assert {name for name in skipped if any(f" {name} (" in text for text in notices)} == skipped
    assert len(notices) == len(skipped)
    assert all(text.endswith(" is not set.") for text in notices)
    for kind, name, meaning, source in (
        ("secret", "PROD_KV_ID", "id of the namespace", "adoptNamespaceId"),
        ("variable", "BACKUP_BUCKET", "R2 bucket of the backups", "backupBucket"),
    ):
        assert f"GitHub gets no {kind} {name} ({meaning}): {source} is not set." in notices


@pytest.mark.requirement("S0-50")
def test_no_providers_token_gets_into_the_state(
    groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", CANARY)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", CANARY)
    found = access()
    assert set(found.one("github").inputs) == {"baseUrl", "owner"}
    assert CANARY not in repr(found)
    local = access(**{"github:baseUrl": "http://127.0.0.1:8787/"})
    assert local.one("github").inputs["writeDelayMs"] == "0"


def test_every_resource_is_under_the_component_and_uses_an_explicit_provider(
    groups: Groups,
) -> None:
    found = access()
    assert found.one("ci-tokens").parent == found.one("repository").parent
    assert found.one("repository").parent == found.one("access").urn
    ours = [r for r in found.registrations if r.type.startswith(("github:", "cloudflare:"))]
    assert len(ours) > 15
    assert [r.name for r in ours if "default" in r.provider or not r.provider] == []


@pytest.mark.parametrize("environment", ["development", "staging"])
def test_any_other_stack_has_one_token_and_one_environment_without_a_gate(
    groups: Groups, environment: str
) -> None:
    found = access(
        "trial",
        environment=environment,
        productionReviewers=None,
        productionApprovers=None,
        backupBucket="backups",
    )
    assert found.outputs == {
        "account_id": ACCOUNT,
        "ci_token_id": "ci-token-1-id",
        "github_environments": [environment],
    }
    assert [r.name for r in found.of_type("AccountToken")] == ["ci-token-1"]
    (place,) = found.of_type("RepositoryEnvironment")
    assert dict(place.inputs) == {"environment": environment, "repository": "notifications"}
    assert found.of_type("RepositoryEnvironmentDeploymentPolicy") == []
    prefix = {"development": "DEV", "staging": "STAGING"}[environment]
    values = [
        *found.of_type("ActionsEnvironmentSecret"),
        *found.of_type("ActionsEnvironmentVariable"),
    ]
    assert {r.name for r in values} == {
        *("secret-CLOUDFLARE_API_TOKEN", "secret-CLOUDFLARE_ACCOUNT_ID"),
        *(f"secret-{prefix}_API_SECRET", f"secret-{prefix}_ENCRYPT_KEY"),
        *("secret-CLOUDFLARE_SUBDOMAIN", "secret-PULUMI_CONFIG_PASSPHRASE"),
        *("variable-STACK", "variable-SERVICE_URL", "variable-BACKUP_BUCKET"),
    }
    assert {r.inputs["environment"] for r in values} == {environment}


def test_productions_access_tells_every_token_and_environment(groups: Groups) -> None:
    assert access().outputs == {
        "account_id": ACCOUNT,
        "ci_token_id": "ci-token-1-id",
        "watch_token_id": "watch-token-1-id",
        "plan_token_id": "plan-token-1-id",
        "github_environments": [
            *("production-approval", "production", "production-nightly", "production-plan"),
        ],
    }


def test_a_stack_that_manages_access_declares_nothing_of_the_service(
    groups: Groups, tmp_path: Path
) -> None:
    inputs = stack_inputs(tmp_path, **ACCESS)
    found = declare_stack(lambda: declare(inputs), stack="production")
    assert set(found.outputs) == set(access().outputs)
    kinds = {r.type.rpartition(":")[2] for r in found.registrations}
    assert "AccountToken" in kinds
    assert not {"D1Database", "Worker", "Preconditions"} & kinds


def test_a_list_of_permissions_that_is_refused_says_whose_token_is_needed(
    groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: object, args: mocks.MockCallArgs) -> Any:
        if "getUser" in args.token:
            return {"id": "11", "login": "x", "username": "x"}, []
        return {}, [("", "403 Forbidden")]

    monkeypatch.setattr(registrations._Provider, "call", refused)
    with pytest.raises(pulumi.RunError) as caught:
        access()
    told = str(caught.value)
    assert told.startswith("The permission groups could not be listed: ")
    assert "403 Forbidden" in told
    assert told.endswith(
        "Making CI tokens needs an operator's token with Account: API Tokens: Edit, never CI's. "
        "Set manageAccess to false where there is none."
    )
