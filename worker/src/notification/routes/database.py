"""`/api/db`: the state of the schema, and pending migrations outside production."""

from typing import Any

from notification.errors import ServiceError
from notification.http.response import Response, failure, success
from notification.http.router import Call, Route
from notification.http.unread_fields import refuse_unknown_fields
from notification.logging import Log
from notification.schema.ledger import MigrationFailure, apply_pending, expected_tables, read_state
from notification.schema.migration_files import MIGRATIONS

_NOTE = "In production the deployment applies migrations; the service never does"


async def show_schema(call: Call) -> Response:
    """Show the applied and pending migrations and the tables; changes nothing."""
    state, *others = [await read_state(each.database, MIGRATIONS) for each in call.platform.shards]
    missing = [name for name in expected_tables(MIGRATIONS) if name not in state.tables]
    pending = {migration.name for each in (state, *others) for migration in each.pending}
    same = all(other.tables == state.tables for other in others)
    data = {
        "isValid": same and not missing and not pending,
        "missingTables": missing,
        "environment": call.platform.settings.environment,
        "autoMigrateEnabled": False,
        "tables": state.tables,
        "appliedMigrations": state.applied,
        "pendingMigrations": sorted(pending),
        "schemaVersion": state.applied[-1] if state.applied else None,
    }
    return success(data=data)


async def migrate(call: Call) -> Response:
    """Apply pending migrations.

    403 in production. If a migration fails, 500 names those that were applied before it.
    """
    body = call.request.json_object() if call.request.body.strip() else {}
    refuse_unknown_fields(body, "dryRun", "force")
    dry_run, force = _flag(body, "dryRun"), _flag(body, "force")
    platform = call.platform
    if platform.settings.production:
        text = _NOTE if force else "Manual migration in production requires force=true"
        return failure(ServiceError("FORBIDDEN", text), call.request.id, note=_NOTE)
    names: list[str] = []
    for each in platform.shards:
        state = await read_state(each.database, MIGRATIONS)
        pending = [migration.name for migration in state.pending]
        try:
            found = pending if dry_run else await apply_pending(each.database, state.pending)
            names += [name for name in found if name not in names]
        except MigrationFailure as failed:
            Log.of(platform, requestId=call.request.id).write(
                "error", "Migration failed", migration=failed.name
            )
            error = ServiceError(
                "INTERNAL_ERROR",
                f"Migration {failed.name} failed; the database is as it was before it",
            )
            return failure(error, call.request.id, migrationsRun=failed.done)
    data = {
        "migrationsRun": names,
        "dryRun": dry_run,
        "environment": platform.settings.environment,
        "note": _note(dry_run, names),
    }
    return success(data=data)


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise ServiceError("INVALID_PARAMETER", f"{name} must be a boolean")
    return value


def _note(dry_run: bool, names: list[str]) -> str:
    if not names:
        return "Nothing is pending"
    return "Nothing was changed: these would run" if dry_run else "Applied in this order"


ROUTES = (
    Route("GET", "/api/db/schema", show_schema),
    Route("POST", "/api/db/migrate", migrate),
)
