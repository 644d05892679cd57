"""What has to hold before an earlier version may serve again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.migrations.ledger import Applied
from infra.shards.record import SELECT_PLACEMENT, Placement, PlacementUnknown
from ops.deploy.release.release import Release
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError
from ops.stacks.resource_kinds import BOUND

ENCRYPTION_KEYS = frozenset({"encrypt_key", "encrypt_key_previous"})
"""What is stored since a rotation can't be read with the keys before it: these never go back."""
_WHAT = "look for what the version is bound to"


@dataclass(frozen=True)
class GateResult:
    """What the gate found.

    Attributes:
        refusals: each a sentence or two that says what stands in the way; none lets through.
        rotated: keys of secrets that aren't today's: the release needs a version of its own.
        unknown: what couldn't be asked, and so stands in nobody's way.
    """

    refusals: tuple[str, ...]
    rotated: tuple[str, ...]
    unknown: tuple[str, ...] = ()


class Gate:
    """Checks one release against the database, the stores and the secrets of today.

    Args:
        account: where the stack lives.
        outputs: the stack's outputs.
        today: the secrets' fingerprints of the newest deployment.
        applied: the migrations that the database has.
    """

    def __init__(
        self,
        account: StackAccount,
        outputs: Mapping[str, Any],
        *,
        today: Mapping[str, str],
        applied: Sequence[Applied],
    ) -> None:
        self._account = account
        self._outputs = outputs
        self._today = today
        self._applied = applied
        self._unknown: list[str] = []
        self._lists: dict[str, set[str]] = {}

    def check(self, release: Release) -> GateResult:
        """Run every check. A store that can't be asked for isn't taken for lost."""
        refusals = [*self._schema(release), *self._bindings(release)]
        rotated = tuple(release.rotated_since(self._today))
        return GateResult(tuple(refusals), rotated, tuple(self._unknown))

    def _schema(self, release: Release) -> Iterator[str]:
        """Yield each migration that the code is too old for, by the rule of the migrations."""
        for row in self._applied:
            if row.level > release.code_level < row.min_code:
                yield (
                    f"The database has {row.name}, which needs code of level {row.min_code} or "
                    "newer, and "
                    f"release {release.short} is of level {release.code_level}. Take that "
                    "migration back first, which is a rollback of data: "
                    "'notifyctl rollback plan --kind data' shows how."
                )

    def _bindings(self, release: Release) -> Iterator[str]:
        account = self._account
        worker_id = str(self._outputs["worker_id"])
        path = (
            f"/accounts/{account.account_id}/workers/workers/{worker_id}"
            f"/versions/{release.version_id}"
        )
        try:
            what = f"read version {release.short}"
            version = account.result(what, path)
            with account.understood(what):
                bound = [b for b in version.get("bindings") or [] if b.get("type") in BOUND]
        except OperationError as error:
            yield f"Version {release.short} can't be deployed again: {error}"
            return
        known = sum(1 for binding in bound if binding.get("type") == "d1")
        if (spread := self._spread()) > max(known, 1):
            yield (
                f"The recipients are spread over {spread} databases, and version {release.short} "
                f"knows {known}. First bring them back: set shards to {max(known, 1)} and deploy "
                f"the release that serves: notifyctl up --stack {account.stack}"
            )
        for binding in bound:
            lost = self._lost(binding)
            if lost is not None:
                yield (
                    f"Version {release.short} is bound as {_name(binding)} to {lost}, which isn't "
                    "there any more. Choose a later release with --to, or restore it."
                )

    def _spread(self) -> int:
        """Return how many databases may have recipients; all of them where it isn't known."""
        try:
            return stack_placement(self._account, self._outputs).reach
        except OperationError as error:
            self._unknown.append(f"over how many databases the recipients are spread: {error}")
            return len(self._outputs.get("d1_databases") or [])

    def _lost(self, binding: Mapping[str, Any]) -> str | None:
        """Return what a binding refers to where that is gone."""
        try:
            with self._account.understood(_WHAT):
                return self._looked_for(binding)
        except OperationError as error:
            self._unknown.append(f"whether {_name(binding)} is there: {error}")
            return None

    def _looked_for(self, binding: Mapping[str, Any]) -> str | None:
        kind = BOUND[binding["type"]]
        assert kind.bound is not None  # noqa: S101  narrowing: BOUND holds no other
        named = next((str(binding[key]) for key in kind.bound.fields if binding.get(key)), "")
        if not named:
            raise ValueError("it names no store, so nothing is known of it")
        account = self._account.account_id
        if kind.bound.by_lookup and kind.lookup is not None:
            path = kind.lookup.path.format(accountId=account)
            found = named in self._listed(path, kind.bound.by_lookup)
        else:
            found = self._exists(kind.read.path.format(accountId=account, id=named))
        return None if found else f"the {kind.title} {named}"

    def _exists(self, path: str) -> bool:
        return self._account.found(_WHAT, path) is not None

    def _listed(self, path: str, key: str) -> set[str]:
        """Return a property of everything in a list of the account, which is asked for once."""
        if path not in self._lists:
            below = path.removeprefix(f"/accounts/{self._account.account_id}/")
            listed = self._account.listed(
                below, lambda url, client: client.get(url, cast_to=object)
            )
            self._lists[path] = {str(one.get(key)) for one in listed}
        return self._lists[path]


def stack_placement(account: StackAccount, outputs: Mapping[str, Any]) -> Placement:
    """Return where a stack's recipients are; a stack that has one database isn't asked.

    Raises:
        OperationError: the account can't be asked, or the record is malformed.
    """
    databases = outputs.get("d1_databases") or []
    if len(databases) < 2:
        return Placement()
    what = "read over how many databases the recipients are spread"
    rows = account.query(what, str(databases[0]["id"]), SELECT_PLACEMENT)
    try:
        with account.understood(what):
            return Placement.parse(str(rows[0]["config_value"])) if rows else Placement()
    except PlacementUnknown as error:
        raise OperationError(str(error)) from None


def _name(binding: Mapping[str, Any]) -> str:
    return str(binding.get("name") or "a binding without a name")
