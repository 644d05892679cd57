"""The resource `Migrations`: the database's schema, brought up to the code's level by `pulumi up`.

Pulumi pickles the provider; it stays tiny and delegates by import path to `lifecycle`, which is
imported only where a method runs: the program itself needs no HTTP client.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi import dynamic

from infra.dynamic_providers import StackProvider, provider
from infra.migrations.files import MigrationSet


class MigrationsProvider(StackProvider):
    """Create and update apply what is pending; delete leaves the data to the database's own."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        from infra.migrations import lifecycle

        failures = [
            dynamic.CheckFailure(
                "migrations",
                f"{name} was changed after it had been applied. "
                "Restore it, and put the change into a new migration.",
            )
            for name in lifecycle.changed_files(_olds, news)
        ]
        failures += [
            dynamic.CheckFailure("migrations", reason)
            for reason in lifecycle.unsafe_files(_olds, news)
        ]
        return dynamic.CheckResult(news, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        from infra.migrations import lifecycle

        replaces = lifecycle.replaced_by(_olds, _news)
        changes = bool(replaces) or lifecycle.is_changed(_olds, _news)
        return dynamic.DiffResult(changes=changes, replaces=replaces)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        from infra.migrations import lifecycle

        return dynamic.CreateResult(f"{props['database_id']}/schema", lifecycle.apply(props))

    def update(
        self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]
    ) -> dynamic.UpdateResult:
        from infra.migrations import lifecycle

        return dynamic.UpdateResult(lifecycle.apply(_news, _olds))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        from infra.migrations import lifecycle

        outputs = lifecycle.read(props)
        return dynamic.ReadResult(id_ if outputs is not None else "", outputs or {})


@dataclass(frozen=True)
class MigrationsArgs:
    """Which database, over which API, gets which migrations; which Worker's code runs on it.

    `first_settings` are the rows of `system_configs` that a database without any table begins with.
    """

    account_id: str
    database_id: pulumi.Input[str]
    base_url: str
    migrations: MigrationSet
    worker: str
    worker_id: pulumi.Input[str]
    first_settings: Mapping[str, str] = field(default_factory=dict)


class Migrations(dynamic.Resource, module="d1", name="Migrations"):
    """The schema of a D1 database; `schema_level` is known once the migrations are applied."""

    schema_level: pulumi.Output[int]

    def __init__(
        self, name: str, args: MigrationsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties: dict[str, Any] = {
            "account_id": args.account_id,
            "database_id": args.database_id,
            "base_url": args.base_url,
            "migrations": args.migrations.hashes(),
            "level": args.migrations.level,
            "worker": args.worker,
            "worker_id": args.worker_id,
            "schema_level": None,
            "applied": None,
        }
        if args.first_settings:
            properties["first_settings"] = dict(args.first_settings)
        super().__init__(provider("migrations"), name, properties, opts)
