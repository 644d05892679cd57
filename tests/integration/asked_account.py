"""An installation whose commands ask the account through a door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from threading import Event, Thread

import httpx
import pytest
from typer.testing import CliRunner

from infra.access.permission import Permission, Scope
from localcloud.api.permission_groups import PERMISSION_GROUPS
from localcloud.api.permissions import permission_for
from ops.cli.main import command_line
from ops.stacks.account import StackAccount
from ops.stacks.context import StackContext
from tests.installation import ROOT, Installation
from tests.integration.scoped_door import ScopedDoor, scoped_door

_IDS = {(group.name, group.scope): group.id for group in PERMISSION_GROUPS}
_SEEN = "/seen-by-the-tail"
_OPTIONS = {
    "db backup": ("--r2", "backups", "--encrypt"),
    # It ends with the one line that it waits for; the seconds are for a tail that sees none.
    "tail": ("--path", _SEEN, "--limit", "1", "--seconds", "120"),
}


@dataclass
class AskedAccount:
    """Runs commands in this process, and tells what they asked of the account."""

    installation: Installation
    door: ScopedDoor

    @classmethod
    @contextmanager
    def of(cls, installation: Installation, patch: pytest.MonkeyPatch) -> Iterator[AskedAccount]:
        """Put a door before the account of an installation that is deployed."""
        installation.outputs()
        for name, value in installation.environment.items():
            patch.setenv(name, value)
        patch.setenv("NOTIFYCTL_BACKUP_PASSPHRASE", "a passphrase for the test")
        patch.chdir(ROOT)
        # What looks after the local cloud goes to its own port; what asks the account, to the door.
        with scoped_door(installation.control_url) as door:
            found = StackAccount.of

            def behind_the_door(context: StackContext) -> StackAccount:
                url = f"http://127.0.0.1:{door.port}/client/v4"
                return replace(found(context), base_url=url)

            patch.setattr(StackAccount, "of", behind_the_door)
            yield cls(installation, door)

    def run(self, command: str) -> tuple[int, str]:
        """Run a command; return its exit code and all that it said."""
        self.door.forget()
        name = command.partition(" ")[0]
        arguments = [*command.split(), "--stack", "local", *_OPTIONS.get(command, ())]
        with self._requests() if name == "tail" else nullcontext():
            result = CliRunner().invoke(command_line(sorted({name, "outputs"})), arguments)
        code = getattr(result.exception, "exit_code", result.exit_code)
        said = " ".join(f"{result.output} {result.exception or ''}".split())
        assert (name, code) != ("tail", 0) or said.endswith(" 1 line"), said
        return code, said

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
                "permission_groups": [{"id": _IDS[item.group, item.scope.value]}],
                "resources": {f"{item.scope.value}.{owner[item.scope]}": "*"},
            }
            for item in permissions
        ]
        path = f"/client/v4/accounts/{account}/tokens"
        answer = self.installation.control("POST", path, json={"name": "t", "policies": policies})
        return str(answer.raise_for_status().json()["result"]["value"])

    @contextmanager
    def _requests(self) -> Iterator[None]:
        """Ask the service again and again: a tail shows nothing from before it was connected."""
        over = Event()

        def ask() -> None:
            while not over.wait(0.5):
                httpx.get(f"{self.installation.edge_url}{_SEEN}", trust_env=False, timeout=60)

        thread = Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
