"""The provider's functions that programs of this project call: look-ups, nothing that changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from engine.errors import ProviderError
from engine.property_value import Properties
from engine.providers.property_naming import from_wire
from engine.providers.stand_in_provider import Api

MAX_ITEMS = 1000  # the provider's own bound where a program gives none
_FILTERS = ("direction", "match", "name", "order", "status")


def _zones(api: Api, args: Properties) -> Properties:
    """getZones: the zones that the token may read and the arguments fit."""
    return {**args, "results": _listed(api, "/zones", _zone_query(args), args)}


def _zone(api: Api, args: Properties) -> Properties:
    """getZone: by id, or the one zone that the filter fits."""
    zone_id = args.get("zoneId")
    if not zone_id:
        found = _listed(api, "/zones", _zone_query(args.get("filter") or {}), {})
        if len(found) != 1:
            raise ProviderError(f"getZone: failed to find exactly one zone, {len(found)} found")
        zone_id = found[0]["id"]
    zone = from_wire(api.call("GET", f"/zones/{zone_id}"))
    return {**args, **zone, "zoneId": zone_id}


def _permission_groups(api: Api, args: Properties) -> Properties:
    """getAccountApiTokenPermissionGroupsList: ids and scopes of permission groups."""
    query = {name: args[name] for name in ("name", "scope") if args.get(name)}
    path = f"/accounts/{args['accountId']}/tokens/permission_groups"
    return {**args, "results": _listed(api, path, query, args)}


def _zone_query(filters: Properties) -> dict[str, Any]:
    query = {name: filters[name] for name in _FILTERS if filters.get(name)}
    account = filters.get("account") or {}
    return query | {f"account.{name}": value for name, value in account.items() if value}


def _listed(api: Api, path: str, query: dict[str, Any], args: Properties) -> list[Properties]:
    # One page is enough here: a local account has a handful of zones and a fixed list of groups.
    found = api.call("GET", f"{path}?{urlencode({**query, 'per_page': MAX_ITEMS})}")
    items: list[Properties] = from_wire(found)
    return items[: int(args.get("maxItems") or MAX_ITEMS)]


CLOUDFLARE_FUNCTIONS: dict[str, Callable[[Api, Properties], Properties]] = {
    "cloudflare:index/getZones:getZones": _zones,
    "cloudflare:index/getZone:getZone": _zone,
    "cloudflare:index/getAccountApiTokenPermissionGroupsList:"
    "getAccountApiTokenPermissionGroupsList": _permission_groups,
}
