"""The installation: its database's schema, the release that answers, and its console."""

from notification.openapi.operation import Operation, Parameter
from notification.openapi.schemas import (
    FLAG,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    WHOLE,
    array,
    closed,
    map_of,
    record,
    succeeded,
)
from notification.routes import console, database, deployment

_SCHEMA = record(
    {
        "isValid": FLAG,
        "missingTables": array(TEXT),
        "environment": TEXT,
        "autoMigrateEnabled": FLAG,
        "tables": array(TEXT),
        "appliedMigrations": array(TEXT),
        "pendingMigrations": array(TEXT),
        "schemaVersion": TEXT_OR_NULL,
    }
)
_MIGRATED = record(
    {"migrationsRun": array(TEXT), "dryRun": FLAG, "environment": TEXT, "note": TEXT}
)

_DEPLOYMENT = record(
    {
        "worker": TEXT,
        "versionId": TEXT,
        "tag": TEXT,
        "schemaLevel": WHOLE,
        "secretFingerprints": map_of(TEXT),
        "changedSecrets": array(TEXT),
    }
)

_VERSION = record(
    {
        "version": TEXT,
        "attempts": WHOLE,
        "accepted": WHOLE,
        "first_at": TIME,
        "last_at": TIME,
        "running": FLAG,
    }
)

OPERATIONS = {
    database.show_schema: Operation(tag="Database", answers={200: succeeded({"data": _SCHEMA})}),
    database.migrate: Operation(
        tag="Database",
        body=closed({}, {"dryRun": FLAG, "force": FLAG}),
        body_required=False,
        answers={200: succeeded({"data": _MIGRATED})},
        errors=("INVALID_PARAMETER", "FORBIDDEN"),
        failure_fields={"note": TEXT, "migrationsRun": array(TEXT)},
    ),
    deployment.show_deployment: Operation(
        tag="Insight", answers={200: succeeded({"data": _DEPLOYMENT})}
    ),
    deployment.list_versions: Operation(
        tag="Insight",
        parameters=(
            Parameter("minutes", {"type": "integer", "minimum": 1, "maximum": 1440, "default": 60}),
        ),
        answers={200: succeeded({"data": record({"minutes": WHOLE, "versions": array(_VERSION)})})},
    ),
    console.redirect_to_console: Operation(
        tag="Insight", answers={302: succeeded({"message": TEXT})}, errors=("NOT_FOUND",)
    ),
}
