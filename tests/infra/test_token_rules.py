"""What the rules find wrong with API tokens: reach, kind, and each permission of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi_cloudflare as cloudflare
import pytest

from infra.access.permission import Permission, Scope
from infra.access.permission_groups import Group
from infra.access.required_permissions import planning_permissions, required_permissions
from infra.rules import Declaration, Stack, collect_declarations
from infra.rules.check import RULES
from infra.settings import Settings
from tests.infra.registrations import declare_stack
from tests.infra.stack_inputs import ACCOUNT, checked_config, stack_inputs
from tests.infra.test_access import ACCESS, Groups, access, groups  # noqa: F401  a fixture

P = Permission
IDS = {item: f"{number:032x}" for number, item in enumerate(Permission, start=1)}
FOREIGN = Group("a" * 32, "API Tokens Write", (Scope.ACCOUNT.value,))
TWIN = Group("f" * 32, P.WORKERS_SCRIPTS_WRITE.group, (Scope.ZONE.value,))
LISTED = [Group(IDS[item], item.group, (item.scope.value,)) for item in Permission]
OWN = f"com.cloudflare.api.account.{ACCOUNT}"
ZONE = f"com.cloudflare.api.account.zone.{'9' * 32}"
REACH, PERMISSIONS = "tokens_reach_this_account_alone", "tokens_have_listed_permissions_alone"


@pytest.fixture
def operator(tmp_path: Path) -> Stack:
    """A stack that manages access, with no declaration yet."""
    inputs = stack_inputs(tmp_path, **ACCESS)
    return Stack(inputs.settings, inputs.secrets, (), [*LISTED, FOREIGN, TWIN])


def breaches(
    stack: Stack,
    *ids: str,
    name: str = "ci-token-1",
    resource: str = OWN,
    effect: str = "allow",
) -> list[str]:
    group = cloudflare.AccountTokenPolicyPermissionGroupArgs
    policy = cloudflare.AccountTokenPolicyArgs(
        effect=effect,
        permission_groups=[group(id=identifier) for identifier in ids],
        resources=f'{{"{resource}":"*"}}',
    )
    token = Declaration("AccountToken", name, {"policies": [policy]}, protect=False)
    of = replace(stack, declarations=[token])
    return [rule.__name__ for rule in RULES for _ in rule(of)]


@pytest.mark.requirement("T-7", "PD-13")
def test_a_token_for_more_than_this_account_is_found(operator: Stack) -> None:
    given = IDS[P.D1_WRITE]
    assert breaches(operator, given) == []
    assert REACH in breaches(operator, given, resource="com.cloudflare.api.account.*")
    for other in ("f" * 32, "0" * 32):
        assert REACH in breaches(operator, given, resource=OWN.replace(ACCOUNT, other))
    assert REACH in breaches(operator, given, resource="com.cloudflare.api.account.zone.*")
    plain = operator.settings.model_copy(update={"manage_access": False})
    assert breaches(replace(operator, settings=plain), given) == [REACH]


@pytest.mark.requirement("T-7", "PD-13")
@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        (FOREIGN.id, "ci-token-1"),  # nobody lists it
        (TWIN.id, "ci-token-1"),  # its name is listed, in another scope
        ("0" * 32, "ci-token-1"),  # the account doesn't know it
        (IDS[P.WORKERS_ROUTES_WRITE], "ci-token-1"),  # listed for stacks with an address
        (IDS[P.WORKERS_SCRIPTS_WRITE], "watch-token-1"),  # what watches deploys nothing
        (IDS[P.QUEUES_WRITE], "other-token"),  # no list for such a token
    ],
)
def test_each_permission_that_is_not_on_the_tokens_list_is_found(
    operator: Stack, identifier: str, name: str
) -> None:
    listed = IDS[P.D1_WRITE]
    one_wrong = [PERMISSIONS] if name != "other-token" else [PERMISSIONS] * 2
    assert breaches(operator, listed, identifier, name=name) == one_wrong
    assert breaches(operator, listed, name="watch-token-1") == []


def test_a_zones_permission_is_for_a_zone_alone(operator: Stack) -> None:
    routed = replace(
        operator,
        settings=operator.settings.model_copy(update={"custom_domain": "notify.example.com"}),
    )
    given = IDS[P.WORKERS_ROUTES_WRITE]
    assert breaches(routed, given, resource=ZONE) == []
    assert breaches(routed, given) == [PERMISSIONS]
    assert breaches(routed, IDS[P.D1_WRITE], resource=ZONE) == [PERMISSIONS]


@pytest.mark.parametrize(
    ("changes", "routes", "zone"),
    [
        ({}, False, False),
        ({"custom_domain": "n.example.com", "zone_name": "example.com"}, True, True),
        ({"route_pattern": "n.example.com/*", "zone_name": "example.com"}, True, True),
        ({"custom_domain": "n.example.com", "zone_id": "5" * 32}, True, False),
    ],
)
def test_a_zones_permissions_come_with_an_address_and_the_zone_is_read_to_find_its_id(
    operator: Stack, changes: dict[str, str], routes: bool, zone: bool
) -> None:
    settings = operator.settings.model_copy(update=changes)
    deploying, planning = required_permissions(settings), planning_permissions(settings)
    assert (P.WORKERS_ROUTES_WRITE in deploying, P.ZONE_READ in deploying) == (routes, zone)
    assert (P.WORKERS_ROUTES_READ in planning, P.ZONE_READ in planning) == (routes, zone)
    assert len(set(deploying)) == len(deploying)


def test_a_policy_that_denies_and_a_list_that_nobody_asked_for_are_found(operator: Stack) -> None:
    given = IDS[P.D1_WRITE]
    for effect in ("deny", "all"):
        assert breaches(operator, given, effect=effect) == [PERMISSIONS]
    assert breaches(replace(operator, permission_groups=()), given) == [PERMISSIONS]


@pytest.mark.requirement("T-4", "T-7")
def test_a_program_that_gives_ci_one_permission_more_declares_no_token(
    groups: Groups,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = required_permissions
    assert permissions_told(monkeypatch) == []

    def more(settings: Settings) -> tuple[Permission, ...]:
        return (*usual(settings), P.WORKERS_ROUTES_WRITE)

    monkeypatch.setattr("infra.components.access.required_permissions", more)
    [told] = permissions_told(monkeypatch, zoneId="9" * 32)
    assert told.startswith("ci-token-1: it has 'Workers Routes Write', which isn't on its list")


def permissions_told(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> list[str]:
    """What the rules say of access as the program declares it, with all that it looked up."""
    found: list[str] = []

    def collecting(program: Any, *, stack: str) -> Any:
        def run() -> Any:
            with collect_declarations() as declarations:
                outputs = program()
                declarations.check(lambda: None)
            config = checked_config(**{**ACCESS, **changes})
            known = Stack(
                config.settings(), config.secrets(), declarations, declarations.permission_groups
            )
            assert len(known.of_type("AccountToken")) == 3
            found.extend(str(breach) for rule in RULES for breach in rule(known))
            return outputs

        return declare_stack(run, stack=stack)

    with monkeypatch.context() as patch:
        patch.setattr("tests.infra.test_access.declare_stack", collecting)
        access(**changes)
    return found


def test_a_bucket_for_backups_and_a_route_decide_what_may_be_asked_for_at_night(
    operator: Stack,
) -> None:
    bucket, route = IDS[P.WORKERS_R2_STORAGE_WRITE], IDS[P.WORKERS_ROUTES_READ]
    night = "watch-token-1"
    assert breaches(operator, bucket, name=night) == [PERMISSIONS]
    assert breaches(operator, route, name=night, resource=ZONE) == [PERMISSIONS]
    changes = {"backup_bucket": "backups", "route_pattern": "api.example.com/*"}
    more = replace(operator, settings=operator.settings.model_copy(update=changes))
    assert breaches(more, bucket, name=night) == []
    assert breaches(more, route, name=night, resource=ZONE) == []
    # Production's own token makes no backups: those run at night.
    assert breaches(more, bucket, name="ci-token-1") == [PERMISSIONS]
    elsewhere = more.settings.model_copy(update={"environment": "development"})
    assert breaches(replace(more, settings=elsewhere), bucket, name="ci-token-1") == []
