"""What a stack keeps: its databases and its cache namespace."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from infra.components.adoption import Adoption
from infra.names import Names, database_resource


@dataclass(frozen=True)
class StoresArgs:
    """What the stores need. `protect` refuses to delete or replace them.

    `databases` are the names of the databases by shard, and the last of them from `kept` on are
    being emptied: those a later update may delete.

    `location` (a D1 location hint) and `jurisdiction` hold from the creation on: Cloudflare can't
    move a database, so changing either would replace it. `adoption` names what exists already.
    """

    account_id: str
    names: Names
    databases: Sequence[str]
    kept: int
    location: str | None
    jurisdiction: str | None
    protect: bool
    adoption: Adoption
    child_opts: pulumi.ResourceOptions | None = None


class Stores(pulumi.ComponentResource):
    """The D1 databases and the KV namespace.

    The first database is `database`, whatever the number of shards, and the others `database-1`
    and so on: a stack that is spread out keeps what it has.
    """

    def __init__(
        self, name: str, args: StoresArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:Stores", name, None, opts)
        child_opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self, protect=args.protect), args.child_opts
        )
        adoption = args.adoption
        self.databases = tuple(
            cloudflare.D1Database(
                database_resource(shard),
                account_id=args.account_id,
                name=name,
                primary_location_hint=args.location,
                jurisdiction=args.jurisdiction,
                # Always sent: the provider answers a missing one with a 400 on the next change.
                read_replication=cloudflare.D1DatabaseReadReplicationArgs(mode="disabled"),
                opts=_options(child_opts, args, shard),
            )
            for shard, name in enumerate(args.databases)
        )
        self.database = self.databases[0]
        self.config_cache = cloudflare.WorkersKvNamespace(
            "config-cache",
            account_id=args.account_id,
            title=args.names.config_cache,
            opts=adoption.options(child_opts, "namespace_id"),
        )
        self.register_outputs(
            {"database_id": self.database.id, "config_cache_id": self.config_cache.id}
        )


def _options(base: pulumi.ResourceOptions, args: StoresArgs, shard: int) -> pulumi.ResourceOptions:
    if not shard:
        return args.adoption.options(base, "database_id")
    own = args.adoption.options(base, database_resource(shard))
    protect = args.protect and shard < args.kept
    return pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(protect=protect))
