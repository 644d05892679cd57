"""Which call needs which permission: one table, and nothing else decides.

The groups are those that Cloudflare's API reference lists as accepted for each call; any one of
them is enough. Where the reference also accepts a group of another product (Workers Scripts for
queues), only the product's own group counts here: what passes here must pass there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from localcloud.api.permission_groups import ACCOUNT, GROUPS_BY_ID, ZONE

READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Permission:
    """What a family of calls needs: the names of the groups for reading and for writing."""

    path: re.Pattern[str]
    scope: str
    reading: frozenset[str]
    writing: frozenset[str]

    def needed(self, method: str) -> frozenset[str]:
        """The groups of which one is enough; empty where every valid token may call."""
        return self.reading if method in READING else self.writing


def _rule(
    path: str, *, read: Iterable[str] = (), write: Iterable[str] = (), scope: str = ACCOUNT
) -> Permission:
    pattern = re.sub(r"\{\w+\}", "[^/]+", path)
    return Permission(
        re.compile(rf"{pattern}(/.*)?"), scope, frozenset((*read, *write)), frozenset(write)
    )


_ACCOUNT = "/accounts/{account_id}"
_ZONE = "/zones/{zone_id}"
_SCRIPTS = ("Workers Scripts Write",)
_SCRIPTS_READ = ("Workers Scripts Read",)

# The first that fits counts, so the longer paths come first.
PERMISSIONS: tuple[Permission, ...] = (
    _rule("/user/tokens/verify"),
    # A query, though it is posted.
    _rule("/graphql", write=["Account Analytics Read"]),
    _rule(f"{_ACCOUNT}/analytics_engine", write=["Account Analytics Read"]),
    _rule(f"{_ACCOUNT}/tokens/verify"),
    _rule(
        f"{_ACCOUNT}/tokens", read=["Account API Tokens Read"], write=["Account API Tokens Write"]
    ),
    _rule(f"{_ACCOUNT}/d1/database", read=["D1 Read"], write=["D1 Write"]),
    _rule(
        f"{_ACCOUNT}/storage/kv/namespaces",
        read=["Workers KV Storage Read"],
        write=["Workers KV Storage Write"],
    ),
    _rule(f"{_ACCOUNT}/queues", read=["Queues Read"], write=["Queues Write"]),
    _rule(
        f"{_ACCOUNT}/workers/scripts/{{script_name}}/tails",
        read=["Workers Scripts Read"],
        write=["Workers Tail Read", "Workers Scripts Write"],
    ),
    _rule(f"{_ACCOUNT}/workers", read=_SCRIPTS_READ, write=_SCRIPTS),
    _rule(f"{_ACCOUNT}/r2", read=["Workers R2 Storage Read"], write=["Workers R2 Storage Write"]),
    _rule(_ACCOUNT, read=["Account Settings Read"], write=["Account Settings Write"]),
    _rule(
        f"{_ZONE}/workers/routes",
        read=["Workers Routes Read"],
        write=["Workers Routes Write"],
        scope=ZONE,
    ),
    _rule(f"{_ZONE}/dns_records", read=["DNS Read"], write=["DNS Write"], scope=ZONE),
    _rule("/zones", read=["Zone Read"], write=["Zone Write"], scope=ZONE),
)


def permission_for(path: str) -> Permission | None:
    """The table's line for a path below /client/v4; None where the path leads nowhere."""
    return next((line for line in PERMISSIONS if line.path.fullmatch(path)), None)


def is_allowed(
    policies: Iterable[dict[str, object]],
    *,
    needed: frozenset[str],
    scope: str,
    account_id: str,
    zone_id: str | None,
) -> bool:
    """Whether a token's policies grant one of the groups on the account or zone.

    A policy that denies takes away what another one allows. `zone_id` None asks for any zone.
    """
    allowed: set[str] = set()
    denied: set[str] = set()
    for policy in policies:
        resources = policy["resources"]
        assert isinstance(resources, dict)  # noqa: S101  narrowing: checked when it was stored
        if not _covers(resources, scope=scope, account_id=account_id, zone_id=zone_id):
            continue
        (allowed if policy["effect"] == "allow" else denied).update(_names(policy, scope))
    return bool(needed & (allowed - denied))


def _names(policy: dict[str, object], scope: str) -> set[str]:
    groups = policy["permission_groups"]
    assert isinstance(groups, list)  # noqa: S101  narrowing: checked when it was stored
    found = [GROUPS_BY_ID[group["id"]] for group in groups]
    return {group.name for group in found if group.scope == scope}


def _covers(
    resources: dict[str, object], *, scope: str, account_id: str, zone_id: str | None
) -> bool:
    account = {f"{ACCOUNT}.{account_id}", f"{ACCOUNT}.*"}
    if scope == ACCOUNT:
        return any(resources.get(name) == "*" for name in account)
    zones = {f"{ZONE}.*", f"{ZONE}.{zone_id}"}
    for name, value in resources.items():
        if name in zones or (zone_id is None and name.startswith(f"{ZONE}.")):
            return True
        if name in account and isinstance(value, dict) and zones & set(value):
            return True
    return False
