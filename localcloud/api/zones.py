"""Zones: the domains whose names the account's Workers may have."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.authentication import unroutable
from localcloud.api.envelope import ApiError, success
from localcloud.api.listing import ListQuery
from localcloud.api.permission_groups import ZONE
from localcloud.api.permissions import is_allowed
from localcloud.api.resources import Account
from localcloud.api.token_gate import Caller
from localcloud.clock import VirtualClock
from localcloud.database import Database, Row
from localcloud.endpoints import ACCOUNT_ID

# Codes: 1001 unknown zone, 1006 malformed query.
_MALFORMED = 1006
FIRST_ZONE = "example.test"  # a name that no DNS server of the world has (RFC 6761)
_READING = frozenset({"Zone Read", "Zone Write"})
_DIGITS = frozenset("0123456789abcdef")
# Parameter, and whether it takes an operator, as in `name=contains:shop`
# (Cloudflare API reference, "List Zones").
_FILTERS = (("name", True), ("account.name", True), ("account.id", False), ("status", False))
_ORDERS = ("name", "status", "account.id", "account.name", "plan.id")
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "equal": str.__eq__,
    "not_equal": str.__ne__,
    "starts_with": str.startswith,
    "starts_with_case_sensitive": str.startswith,
    "ends_with": str.endswith,
    "ends_with_case_sensitive": str.endswith,
    "contains": str.__contains__,
    "contains_case_sensitive": str.__contains__,
}
_FREE_PLAN = {
    "id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
    "name": "Free Website",
    "price": 0,
    "currency": "USD",
    "frequency": "",
    "is_subscribed": False,
    "can_subscribe": False,
    "legacy_id": "free",
    "legacy_discount": False,
    "externally_managed": False,
}


class Zones:
    """The zones of the account; one is there from the start."""

    def __init__(self, account: Account) -> None:
        self._database = account.database
        if self._database.setting("first_zone") is None:
            add_zone(self._database, account.clock, account.ids(), FIRST_ZONE)
            self._database.set_setting("first_zone", FIRST_ZONE)

    def routes(self) -> Sequence[Route]:
        """/zones and /zones/{zone_id}, below /client/v4."""
        return [
            Route("/zones", self._listing, methods=["GET"]),
            Route("/zones/{zone_id}", self._read, methods=["GET"]),
        ]

    async def _listing(self, request: Request) -> Response:
        """All zones that the token may read, filtered as the query says."""
        query = ListQuery(request, code=_MALFORMED)
        filters = [one for field in _FILTERS if (one := _filter(query, *field))]
        if kinds := query.text("type"):
            wanted = kinds.split(",")
            filters.append(lambda zone: zone["type"] in wanted)
        needed = any if query.choice("match", ("any", "all"), "all") == "any" else all
        readable = [
            zone
            for zone in (self._shown(row) for row in self._database.rows("SELECT * FROM zones"))
            if _may_read(request.state.caller, zone["id"])
        ]
        found = query.sorted(
            [zone for zone in readable if not filters or needed(f(zone) for f in filters)],
            by={field: partial(_value, field) for field in _ORDERS},
            default="name",
        )
        return query.page(found)

    async def _read(self, request: Request) -> Response:
        return success(self._shown(find_zone(self._database, request)))

    def _shown(self, row: Row) -> dict[str, Any]:
        return {
            "id": row["id"],
            "name": row["name"],
            "status": "active",
            "paused": False,
            "type": "full",
            "development_mode": 0,
            "name_servers": ["ada.ns.local.test", "bob.ns.local.test"],
            "original_name_servers": ["ns1.registrar.test", "ns2.registrar.test"],
            "original_registrar": None,
            "original_dnshost": None,
            "modified_on": row["created_on"],
            "created_on": row["created_on"],
            "activated_on": row["created_on"],
            "meta": {
                "step": 2,
                "custom_certificate_quota": 0,
                "page_rule_quota": 3,
                "phishing_detected": False,
            },
            "owner": {"id": None, "type": "user", "email": None},
            "account": {"id": ACCOUNT_ID, "name": "Local account"},
            "tenant": {"id": None, "name": None},
            "tenant_unit": {"id": None},
            "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read", "#worker:edit"],
            "plan": _FREE_PLAN,
        }


def add_zone(database: Database, clock: VirtualClock, identifier: str, name: str) -> None:
    """Give the account a zone. Raises sqlite3.IntegrityError where it has one of this name."""
    database.execute("INSERT INTO zones VALUES (?, ?, ?)", identifier, name, clock.timestamp())


def remove_zone(database: Database, name: str) -> bool:
    """Take a zone away; False where there is none. Raises ApiError(409) while it is in use."""
    try:
        return database.execute("DELETE FROM zones WHERE name = ?", name) > 0
    except sqlite3.IntegrityError as error:
        text = f"The zone {name} still has custom domains or routes: remove them first."
        raise ApiError(409, 1001, text) from error


def find_zone(database: Database, request: Request) -> Row:
    """The zone in the path. Raises ApiError: 404/7003 malformed, 404/1001 unknown."""
    identifier = request.path_params["zone_id"]
    if len(identifier) != 32 or not set(identifier) <= _DIGITS:
        raise unroutable(request)
    row = database.row("SELECT * FROM zones WHERE id = ?", identifier)
    if row is None:
        raise ApiError(404, 1001, "Invalid zone identifier")
    return row


def is_within(hostname: str, zone: str) -> bool:
    """Whether a host name is the zone's apex or one of its subdomains."""
    return hostname == zone or hostname.endswith(f".{zone}")


def _value(field: str, zone: dict[str, Any]) -> str:
    found: Any = zone
    for part in field.split("."):
        found = found[part]
    return str(found)


def _filter(
    query: ListQuery, field: str, has_operators: bool
) -> Callable[[dict[str, Any]], bool] | None:
    """What a zone must be by one parameter; None where the request doesn't give it."""
    text = query.text(field)
    if text is None:
        return None
    operator, colon, operand = text.partition(":")
    if not colon or not has_operators:
        return lambda zone: _value(field, zone) == text
    if operator not in _OPERATORS:
        raise query.refusal(f"{field} has the operator {operator[:40]!r}, which isn't one.")
    compare = _OPERATORS[operator]
    if operator.endswith("_case_sensitive"):
        return lambda zone: compare(_value(field, zone), operand)
    return lambda zone: compare(_value(field, zone).lower(), operand.lower())


def _may_read(caller: Caller, zone_id: str) -> bool:
    return caller.row is None or is_allowed(
        caller.policies, needed=_READING, scope=ZONE, account_id=ACCOUNT_ID, zone_id=zone_id
    )
