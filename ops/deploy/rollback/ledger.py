"""Which migrations the database has, asked where it can be asked when something is broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.migrations.files import MigrationSet
from infra.migrations.ledger import SELECT_APPLIED, Applied
from ops.database.stack_database import StackDatabase, migrations
from ops.stacks.account import StackAccount
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError
from ops.stacks.service import ServiceClient

_RESOURCE = ":Migrations"


@dataclass(frozen=True)
class LedgerReading:
    """What was found, and where: the database itself, the service, or the last update's state."""

    applied: tuple[Applied, ...]
    source: str
    problems: tuple[str, ...] = ()


def read_ledger(
    context: StackContext, account: StackAccount, outputs: Mapping[str, Any]
) -> LedgerReading:
    """Ask Cloudflare's API, else the service's signed schema route, else the state.

    The last two know names alone: which code each one needs is read from the checkout's files.

    Raises:
        OperationError: none of them answers; the message says what each one said.
    """
    sources: tuple[tuple[str, Callable[[], Sequence[Applied]]], ...] = (
        ("the database, by the API", lambda: _from_api(account, outputs)),
        ("the service", lambda: from_names(_from_service(outputs), migrations(context.project))),
        ("the state", lambda: from_names(_from_state(context), migrations(context.project))),
    )
    return first_reading(sources)


def first_reading(
    sources: Sequence[tuple[str, Callable[[], Sequence[Applied]]]],
) -> LedgerReading:
    """Return what the first source says that answers.

    Raises:
        OperationError: none does.
    """
    problems: list[str] = []
    for name, ask in sources:
        try:
            return LedgerReading(tuple(ask()), name, tuple(problems))
        except OperationError as error:
            problems.append(f"{name}: {error}")
    raise OperationError(
        f"It isn't known which migrations the database has: {' '.join(problems)} If the release to "
        "go back to certainly runs with it, pass --force and a --reason."
    )


def _from_api(account: StackAccount, outputs: Mapping[str, Any]) -> list[Applied]:
    """Return what any of the databases has: the code has to run with each."""
    found: dict[str, Applied] = {}
    databases = StackDatabase.in_outputs(account, outputs)
    if not databases:
        raise OperationError("the outputs name no database.")
    for database in databases:
        what = "read the ledger of migrations"
        rows = account.query(what, database.database_id, SELECT_APPLIED)
        with account.understood(what):
            found |= {row.name: row for row in map(Applied.of_row, rows)}
    return sorted(found.values(), key=lambda row: row.level)


def _from_service(outputs: Mapping[str, Any]) -> list[str]:
    url, key = str(outputs["service_url"]), str(outputs["api_secret_key"])
    with ServiceClient(url, key) as service:
        answer = service.result("GET", "/api/db/schema")
    data = answer.get("data") if isinstance(answer, Mapping) else None
    names = data.get("appliedMigrations") if isinstance(data, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise OperationError("GET /api/db/schema answered no list of migrations.")
    return names


def _from_state(context: StackContext) -> list[str]:
    names: dict[str, None] = {}
    for resource in choose_driver(context).resources():
        if str(resource.get("type", "")).endswith(_RESOURCE):
            applied = (resource.get("outputs") or {}).get("applied")
            if not isinstance(applied, list) or not all(
                isinstance(row, Mapping) and "name" in row for row in applied
            ):
                continue
            names |= dict.fromkeys(str(row["name"]) for row in applied)
    if names:
        return list(names)
    raise OperationError("the state holds no applied migrations.")


def from_names(names: Sequence[str], files: MigrationSet) -> list[Applied]:
    """Give each name the level of its number and the code that its file says it needs."""
    known = {migration.name: migration.min_code for migration in files}
    # What this checkout doesn't have was applied by newer code: only that code surely runs on it.
    return [Applied(name, _number(name), None, known.get(name, _number(name))) for name in names]


def _number(name: str) -> int:
    number = name.partition("_")[0]
    return int(number) if number.isdecimal() else 0
