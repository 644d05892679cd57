"""Exactly what a stack's deployment needs, and the token policies that say so."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.access.calls import CALLS, Token
from infra.access.permission import Permission, Scope
from infra.settings import Settings

_ALWAYS = tuple(
    dict.fromkeys(
        call.permission
        for call in CALLS
        if call.token == Token.DEPLOYING and call.path.startswith("/accounts/")
    )
)
"""What every deployment needs; a zone is only there with a custom domain or a route."""
_WATCHING = (
    Permission.WORKERS_SCRIPTS_READ,
    Permission.WORKERS_KV_STORAGE_READ,
    Permission.QUEUES_READ,
    # A query is a write to D1's API, whatever its SQL says: there is no permission to read alone.
    Permission.D1_WRITE,
)


@dataclass(frozen=True)
class Policy:
    """One policy of a token; `resources` is canonical JSON, the ids are sorted.

    Order means nothing to Cloudflare, and any other order than before would be a change.
    """

    group_ids: tuple[str, ...]
    resources: str


def required_permissions(settings: Settings) -> tuple[Permission, ...]:
    """Return the permissions that deploying with these settings needs, and no other.

    A zone's come in with a custom domain or a route alone; the zone is read where its id has to be
    found by its name.
    """
    needed = list(_ALWAYS)
    if settings.custom_domain or settings.route_pattern:
        needed.append(Permission.WORKERS_ROUTES_WRITE)
        if settings.zone_id is None:
            needed.append(Permission.ZONE_READ)
    # Production's nightly jobs have a token of their own; elsewhere they work with CI's.
    if settings.backup_bucket and settings.environment != "production":
        needed.append(Permission.WORKERS_R2_STORAGE_WRITE)
    return tuple(dict.fromkeys(needed))


def watching_permissions(settings: Settings) -> tuple[Permission, ...]:
    """Return what the nightly look at drift, data and backups needs with these settings.

    It deploys nothing: it could write the database, whose API knows no reading query, and the
    bucket of the backups.
    """
    needed = list(_WATCHING)
    if settings.route_pattern:
        needed.append(Permission.WORKERS_ROUTES_READ)
    if settings.backup_bucket:
        needed.append(Permission.WORKERS_R2_STORAGE_WRITE)
    return tuple(needed)


def planning_permissions(settings: Settings) -> tuple[Permission, ...]:
    """Return what a plan in a pull request needs with these settings: reads, and no query.

    Whoever may push a branch can run code with that token.
    """
    needed = [
        Permission.WORKERS_SCRIPTS_READ,
        Permission.WORKERS_KV_STORAGE_READ,
        Permission.QUEUES_READ,
        Permission.D1_READ,
    ]
    if settings.custom_domain or settings.route_pattern:
        needed.append(Permission.WORKERS_ROUTES_READ)
        if settings.zone_id is None:
            needed.append(Permission.ZONE_READ)
    return tuple(needed)


def token_policies(
    permissions: Sequence[Permission],
    ids: Mapping[Permission, str],
    *,
    account_id: str,
    zone_id: str | None,
) -> list[Policy]:
    """Return a policy for the account and, where permissions need it, one for the zone."""
    resources = {Scope.ACCOUNT: account_id, Scope.ZONE: zone_id}
    policies = []
    for scope, identifier in resources.items():
        groups = sorted(ids[item] for item in permissions if item.scope == scope)
        if groups:
            document = {f"{scope.value}.{identifier}": "*"}
            policies.append(Policy(tuple(groups), canonical_json(document)))
    return policies


def canonical_json(document: Mapping[str, object]) -> str:
    """JSON in the one form that equal documents share."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
