"""Each command asks of the account what the table says, and says so where a token lacks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest
import yaml

from infra.access.commands import (
    COMMANDS,
    DEPLOYING,
    JUDGING,
    PLANNING,
    WITHOUT_ACCOUNT,
    CommandNeeds,
)
from infra.access.permission import Permission
from infra.access.required_permissions import (
    planning_permissions,
    required_permissions,
    watching_permissions,
)
from infra.settings import read_settings
from ops.stacks.local_stack import rendered_file
from ops.stacks.project import Project
from tests.infra.stack_inputs import checked_config
from tests.installation import ROOT, Installation
from tests.integration.asked_account import AskedAccount

P = Permission
ROUTED = {
    "testClock": True,
    "zoneName": "example.test",
    "routePattern": "api.example.test/notify*",
    "backupBucket": "backups",
}
OWN_POLICIES = "Account API Tokens Read"
"""By this a token could read what it may do; CI's can't, and is tried."""


@pytest.fixture
def asked(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[AskedAccount]:
    """The shared installation: no route, no bucket."""
    with AskedAccount.of(installation, monkeypatch) as found:
        yield found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with everything that asks for a permission."""
    made = Installation(tmp_path_factory.mktemp("scopes"), settings=ROUTED)
    try:
        made.up()
        path = f"/client/v4/accounts/{made.outputs()['account_id']}/r2/buckets"
        made.control("POST", path, json={"name": "backups"}).raise_for_status()
        yield made
    finally:
        made.close()


@pytest.fixture
def routed(whole: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[AskedAccount]:
    with AskedAccount.of(whole, monkeypatch) as found:
        yield found


def least(groups: Iterable[frozenset[str]]) -> set[str]:
    """One group for each call: the one that reads, where no other call has to write there."""
    chosen = {
        next((name for name in sorted(group) if name.endswith(" Read")), min(group))
        for group in groups
        if group
    }
    return {
        name
        for name in chosen
        if not (name.endswith(" Read") and f"{name.removesuffix(' Read')} Write" in chosen)
    }


def told(permissions: Iterable[Permission]) -> set[str]:
    return least(frozenset({item.group}) for item in permissions)


@pytest.mark.workerd
@pytest.mark.requirement("S0-05")
@pytest.mark.parametrize("command", ["drift", "db check", "status", "tail", "verify"])
def test_a_command_asks_for_what_the_table_says(asked: AskedAccount, command: str) -> None:
    [needs] = [needs for needs in COMMANDS if needs.command == command]
    assert asked.run(command)[0] == 0
    routes = {P.WORKERS_ROUTES_READ.group}
    assert least(asked.groups()) == told(needs.permissions) - routes


@pytest.mark.soak
@pytest.mark.workerd
@pytest.mark.parametrize("needs", COMMANDS, ids=lambda needs: needs.command)
def test_every_command_works_with_the_permissions_of_the_table_and_asks_for_no_other(
    routed: AskedAccount, needs: CommandNeeds
) -> None:
    code, said = routed.run(needs.command)
    asked_for = least(routed.groups())
    assert asked_for == told(needs.permissions)
    if not needs.permissions:
        assert routed.door.calls == []
        return
    routed.door.token = routed.token(needs.permissions)
    assert routed.run(needs.command)[0] == code, said
    assert routed.door.refused == []


LACKING = [(needs, item) for needs in COMMANDS for item in needs.permissions]


@pytest.mark.soak
@pytest.mark.workerd
@pytest.mark.requirement("S0-54")
@pytest.mark.parametrize(
    ("needs", "lacking"), LACKING, ids=[f"{n.command}-{item.name}" for n, item in LACKING]
)
def test_a_command_names_the_permission_that_was_taken_away(
    routed: AskedAccount, needs: CommandNeeds, lacking: Permission
) -> None:
    # A token has one permission at least: this one is asked for by none of these commands.
    rest = [P.ACCOUNT_SETTINGS_READ, *(item for item in needs.permissions if item is not lacking)]
    routed.door.token = routed.token(rest)
    said = routed.run(needs.command)[1]
    assert routed.door.refused, "nothing was refused without it"
    # Where the first call that was refused only reads, that is what is named.
    assert lacking.shown in said or lacking.shown.replace("Edit", "Read") in said


@pytest.fixture
def deploying(routed: AskedAccount) -> tuple[Permission, ...]:
    """What CI's token has with the settings of the whole installation."""
    return required_permissions(read_settings(rendered_file(Project.find(), "local")))


@pytest.mark.soak
@pytest.mark.workerd
@pytest.mark.parametrize("command", JUDGING)
def test_a_command_that_judges_a_token_passes_with_cis_and_tries_what_ci_has_and_no_more(
    routed: AskedAccount, deploying: tuple[Permission, ...], command: str
) -> None:
    routed.door.token = routed.token(deploying)
    code, said = routed.run(command)
    assert code == 0, said
    # Refused writes show in what callers were answered: it is asked, and may be refused.
    callers = {P.ACCOUNT_ANALYTICS_READ.group} if command == "doctor" else set()
    assert least(routed.groups()) == told(deploying) | {OWN_POLICIES} | callers
    refused = {"tokens", "analytics_engine"} if callers else {"tokens"}
    assert {path.split("/")[3] for _, path in routed.door.refused} == refused


@pytest.mark.soak
@pytest.mark.workerd
@pytest.mark.requirement("S0-54")
@pytest.mark.parametrize("command", JUDGING)
def test_a_command_that_judges_a_token_names_each_permission_that_was_taken_away(
    routed: AskedAccount, deploying: tuple[Permission, ...], command: str
) -> None:
    assert len(deploying) == 8
    for lacking in deploying:
        routed.door.token = routed.token(item for item in deploying if item is not lacking)
        code, said = routed.run(command)
        assert code != 0, lacking
        # Without the zone's own permission its routes can't be tried, and are named as well.
        assert re.search(rf"lacks [^.]*{re.escape(lacking.shown)}", said), said


def test_every_command_of_the_workflows_is_in_the_table() -> None:
    found: set[str] = set()
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(file.read_text("utf-8"))["jobs"].values():
            for step in job["steps"]:
                found |= set(re.findall(r"\bnotifyctl ([a-z][^\n|]*)", step.get("run", "")))
    assert len(found) >= 10
    known = {
        *(needs.command for needs in (*COMMANDS, PLANNING)),
        *DEPLOYING,
        *JUDGING,
        *WITHOUT_ACCOUNT,
    }
    unknown = [line for line in found if not _is_one_of(line, known)]
    assert unknown == []


def _is_one_of(line: str, known: Iterable[str]) -> bool:
    words = line.split()
    return any(
        words[: len(name.split())] == name.split()
        or (" --" in name and words[0] == name.split()[0] and name.split()[-1] in words)
        for name in known
    )


def test_the_nights_token_has_what_the_nights_commands_need_and_no_more() -> None:
    text = (ROOT / ".github" / "workflows" / "nightly.yml").read_text("utf-8")
    nightly = [n for n in COMMANDS if f"notifyctl {n.command} " in text]
    assert [n.command for n in nightly] == ["drift", "db check", "db backup"]
    needed = told(item for n in nightly for item in n.permissions)
    plain = watching_permissions(checked_config().settings())
    with_all = watching_permissions(
        checked_config(
            routePattern="api.example.com/*", zoneId="9" * 32, backupBucket="backups"
        ).settings()
    )
    extra = {P.WORKERS_ROUTES_READ.group, P.WORKERS_R2_STORAGE_WRITE.group}
    assert told(with_all) == needed
    assert told(plain) == needed - extra


def test_a_pull_requests_token_has_what_its_plan_needs_and_writes_nothing() -> None:
    zoned = checked_config(routePattern="api.example.com/*", zoneName="example.com").settings()
    assert set(planning_permissions(zoned)) == set(PLANNING.permissions)
    assert all(item.group.endswith(" Read") for item in planning_permissions(zoned))
    plain = set(planning_permissions(checked_config().settings()))
    assert plain == set(PLANNING.permissions) - {P.WORKERS_ROUTES_READ, P.ZONE_READ}
