"""What the provider of the resource `Migrations` does, as plain functions on plain properties.

Inputs: account_id, database_id, base_url, migrations (a list of {name, sha256}), level, worker (its
name) and worker_id, by which it is asked what serves. Outputs:
the inputs, `applied` (the ledger as such a list) and `schema_level`. The SQL itself is in neither:
it is read from the project's files when it runs, and has to have the hash that the inputs say.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.migrations.d1 import D1Database, Statement, retry_unavailable
from infra.migrations.errors import D1Refused, MigrationFailed
from infra.migrations.files import MigrationSet
from infra.migrations.ledger import Applied, Ledger
from infra.migrations.lint import lint
from infra.migrations.location import MIGRATIONS, project_root
from infra.migrations.migrator import Migrator
from infra.migrations.schema import read_objects
from infra.migrations.serving_level import ServingLevel

Properties = Mapping[str, Any]

_INSERT_SETTING = """
INSERT INTO system_configs (config_key, config_value, description)
VALUES (?1, ?2, 'Deployments write it') ON CONFLICT DO NOTHING
"""


def changed_files(old: Properties, new: Properties) -> list[str]:
    """Return the names of migrations that were applied with another content than they have now."""
    before = _hashes(old.get("migrations"))
    after = _hashes(new.get("migrations"))
    return [name for name, digest in after.items() if before.get(name, digest) != digest]


def unsafe_files(old: Properties, new: Properties) -> list[str]:
    """Return what is wrong with the files that aren't applied yet; nothing where none is pending.

    They are tried on a scratch database: the stack's own isn't asked.
    """
    applied = _hashes(old.get("applied"))
    if all(name in applied for name in _hashes(new.get("migrations"))):
        return []
    migrations = MigrationSet.read(project_root() / MIGRATIONS)
    return [str(problem) for problem in lint(migrations, applied=applied)]


def replaced_by(old: Properties, new: Properties) -> list[str]:
    """Return the properties whose change means another database."""
    return [key for key in ("account_id", "database_id") if old.get(key) != new.get(key)]


def is_changed(old: Properties, new: Properties) -> bool:
    """Whether there is something to apply, or other code than the schema was checked against."""
    applied = _hashes(old.get("applied"))
    wanted = _hashes(new.get("migrations"))
    return old.get("level") != new.get("level") or any(name not in applied for name in wanted)


def apply(properties: Properties, before: Properties | None = None) -> dict[str, Any]:
    """Apply what is pending and return the outputs; raise a MigrationError.

    `before` is what the last complete step left, None where there was none: then nothing of this
    stack serves yet.
    """
    migrations = MigrationSet.read(project_root() / MIGRATIONS)
    if migrations.hashes() != list(properties["migrations"]):
        raise MigrationFailed(
            "The migration files changed while the deployment ran. Deploy again; nothing was "
            "applied."
        )
    with _database(properties) as database:
        serving = None if before is None else _serving_level(properties, before)
        first = properties.get("first_settings") if before is None else None
        is_new = bool(first) and not retry_unavailable(read_objects, database)
        applied = Migrator(database).apply(migrations, serving_level=serving)
        if first and is_new:
            # No version knows the database yet, so none has read that they were absent.
            rows = [Statement(_INSERT_SETTING, row) for row in first.items()]
            retry_unavailable(database.batch, rows)
        return _outputs(properties, applied)


def _serving_level(properties: Properties, before: Properties) -> int | None:
    """Return the serving code's level, or the last step's where an old state doesn't say.

    A Worker of which nothing is deployed is asked like any other: what was migrated for a release
    that never served binds nobody.
    """
    if not properties.get("worker_id"):
        return int(before["level"])
    asked = ServingLevel(account_id=properties["account_id"], base_url=properties["base_url"])
    return asked.of(worker=properties["worker"], worker_id=properties["worker_id"])


def read(properties: Properties) -> dict[str, Any] | None:
    """Return the outputs as the database's ledger says now; None where the database is gone."""
    with _database(properties) as database:
        try:
            return _outputs(properties, Ledger(database).applied())
        except D1Refused as error:
            if error.status == 404:
                return None
            raise


def _database(properties: Properties) -> D1Database:
    return D1Database(
        account_id=properties["account_id"],
        database_id=properties["database_id"],
        base_url=properties["base_url"],
    )


def _outputs(properties: Properties, applied: Sequence[Applied]) -> dict[str, Any]:
    kept = {
        k: properties[k] for k in ("account_id", "database_id", "base_url", "migrations", "level")
    }
    # The schema's level is the ledger's: with older code than the schema it is the higher one.
    schema_level = max((row.level for row in applied), default=0)
    rows = [{"name": row.name, "sha256": row.sha256 or ""} for row in applied]
    return {**kept, "schema_level": schema_level, "applied": rows}


def _hashes(rows: Any) -> dict[str, str]:
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        return {}
    return {str(row["name"]): str(row["sha256"]) for row in rows}
