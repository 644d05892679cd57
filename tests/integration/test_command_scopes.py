"""Each command asks of the account what the table says, and says so where a token lacks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from infra.access.commands import COMMANDS, DEPLOYING, WITHOUT_ACCOUNT, CommandNeeds
from infra.access.permission import Permission, Scope
from localcloud.api.permission_groups import PERMISSION_GROUPS
from localcloud.api.permissions import permission_for
from localcloud.endpoints import Ports
from ops.main import command_line
from tests.installation import ROOT, Installation
from tests.integration.scoped_door import ScopedDoor, scoped_door

P = Permission
IDS = {(group.name, group.scope): group.id for group in PERMISSION_GROUPS}
ROUTED = {
    "testClock": True,
    "zoneName": "example.test",
    "routePattern": "api.example.test/notify*",
    "backupBucket": "backups",
}
OPTIONS = {"db backup": ("--r2", "backups", "--encrypt")}


@dataclass
class Asked:
    """An installation whose account is asked through a door."""

    installation: Installation
    door: ScopedDoor

    def run(self, command: str) -> tuple[int, str]:
        """Run a command; return its exit code and all that it said."""
        self.door.forget()
        arguments = [*command.split(), "--stack", "local", *OPTIONS.get(command, ())]
        name = command.partition(" ")[0]
        result = CliRunner().invoke(command_line(sorted({name, "outputs"})), arguments)
        code = getattr(result.exception, "exit_code", result.exit_code)
        return code, " ".join(f"{result.output} {result.exception or ''}".split())

    def groups(self) -> set[frozenset[str]]:
        """For each call that was made, the groups of which one is enough."""
        lines = [(method, permission_for(path)) for method, path in self.door.calls]
        return {line.needed(method) for method, line in lines if line is not None}

    def token(self, permissions: Iterable[Permission]) -> str:
        """A new token of the account with these permissions."""
        account = str(self.installation.outputs()["account_id"])
        zone = str(self.installation.outputs().get("zone_id", ""))
        owner = {Scope.ACCOUNT: account, Scope.ZONE: zone}
        policies = [
            {
                "effect": "allow",
                "permission_groups": [{"id": IDS[item.group, item.scope.value]}],
                "resources": {f"{item.scope.value}.{owner[item.scope]}": "*"},
            }
            for item in permissions
        ]
        path = f"/client/v4/accounts/{account}/tokens"
        answer = self.installation.control("POST", path, json={"name": "t", "policies": policies})
        return str(answer.raise_for_status().json()["result"]["value"])


def asking(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    installation.outputs()
    for name, value in installation.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NOTIFYCTL_BACKUP_PASSPHRASE", "a passphrase for the test")
    monkeypatch.chdir(ROOT)
    with scoped_door(installation.control_url) as door:
        # What looks after the local cloud goes to its own port; what asks the account, to the door.
        ports = replace(Ports.from_environment(), control=door.port)
        monkeypatch.setattr("ops.stacks.account.ports_in_use", lambda: ports)
        yield Asked(installation, door)


@pytest.fixture
def asked(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """The shared installation: no route, no bucket."""
    yield from asking(installation, monkeypatch)


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
def routed(whole: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    yield from asking(whole, monkeypatch)


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
@pytest.mark.parametrize("command", ["drift", "db check", "status --no-drift"])
def test_a_command_asks_for_what_the_table_says(asked: Asked, command: str) -> None:
    [needs] = [needs for needs in COMMANDS if needs.command == command]
    assert asked.run(command)[0] == 0
    routes = {P.WORKERS_ROUTES_READ.group}
    assert least(asked.groups()) == told(needs.permissions) - routes


@pytest.mark.soak
@pytest.mark.workerd
@pytest.mark.parametrize("needs", COMMANDS, ids=lambda needs: needs.command)
def test_every_command_works_with_the_permissions_of_the_table_and_asks_for_no_other(
    routed: Asked, needs: CommandNeeds
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
    routed: Asked, needs: CommandNeeds, lacking: Permission
) -> None:
    # A token has one permission at least: this one is asked for by none of these commands.
    rest = [P.ACCOUNT_SETTINGS_READ, *(item for item in needs.permissions if item is not lacking)]
    routed.door.token = routed.token(rest)
    said = routed.run(needs.command)[1]
    assert routed.door.refused, "nothing was refused without it"
    # Where the first call that was refused only reads, that is what is named.
    assert lacking.shown in said or lacking.shown.replace("Edit", "Read") in said


def test_every_command_of_the_workflows_is_in_the_table() -> None:
    found: set[str] = set()
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(file.read_text("utf-8"))["jobs"].values():
            for step in job["steps"]:
                found |= set(re.findall(r"\bnotifyctl ([a-z][^\n|]*)", step.get("run", "")))
    assert len(found) >= 10
    known = {*(needs.command for needs in COMMANDS), *DEPLOYING, *WITHOUT_ACCOUNT}
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
    from infra.access.required_permissions import watching_permissions
    from tests.infra.stack_inputs import checked_config

    text = (Path(ROOT) / ".github" / "workflows" / "nightly.yml").read_text("utf-8")
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
