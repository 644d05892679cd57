"""What a stack keeps: its database and its cache namespace."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from infra.components.adoption import Adoption
from infra.names import Names


@dataclass(frozen=True)
class StoresArgs:
    """What the stores need. `protect` refuses to delete or replace them.

    `location` (a D1 location hint) and `jurisdiction` hold from the creation on: Cloudflare can't
    move a database, so changing either would replace it. `adoption` names what exists already.
    """

    account_id: str
    names: Names
    location: str | None
    jurisdiction: str | None
    protect: bool
    adoption: Adoption
    child_opts: pulumi.ResourceOptions | None = None


class Stores(pulumi.ComponentResource):
    """The D1 database and the KV namespace."""

    def __init__(
        self, name: str, args: StoresArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:Stores", name, None, opts)
        child_opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self, protect=args.protect), args.child_opts
        )
        adoption = args.adoption
        self.database = cloudflare.D1Database(
            "database",
            account_id=args.account_id,
            name=args.names.database,
            primary_location_hint=args.location,
            jurisdiction=args.jurisdiction,
            # Always sent: the provider answers a missing one with a 400 on the next change.
            read_replication=cloudflare.D1DatabaseReadReplicationArgs(mode="disabled"),
            opts=adoption.options(child_opts, "database_id"),
        )
        self.config_cache = cloudflare.WorkersKvNamespace(
            "config-cache",
            account_id=args.account_id,
            title=args.names.config_cache,
            opts=adoption.options(child_opts, "namespace_id"),
        )
        self.register_outputs(
            {"database_id": self.database.id, "config_cache_id": self.config_cache.id}
        )
