"""The types that give a Worker an address in a zone."""

from __future__ import annotations

from engine.providers.resource_type import Call, Lookup, ResourceType, same_property

_DOMAINS = "/accounts/{accountId}/workers/domains"
_ROUTES = "/zones/{zoneId}/workers/routes"

ADDRESS_TYPES = (
    ResourceType(
        name="cloudflare:index/workersCustomDomain:WorkersCustomDomain",
        create=Call("PUT", _DOMAINS),
        read=Call("GET", f"{_DOMAINS}/{{id}}"),
        delete=Call("DELETE", f"{_DOMAINS}/{{id}}"),
        id="id",
        imports=("accountId", "id"),
        optional=frozenset({"accountId", "hostname", "service"}),
        defaulted=frozenset({"environment", "zoneId", "zoneName"}),
        computed=frozenset({"id", "certId"}),
        stable=frozenset({"id"}),
        replaces=frozenset(
            {"accountId", "hostname", "service", "environment", "zoneId", "zoneName"}
        ),
        # Attaching a host name again to the same Worker changes nothing.
        repeatable=True,
    ),
    ResourceType(
        name="cloudflare:index/workersRoute:WorkersRoute",
        create=Call("POST", _ROUTES),
        read=Call("GET", f"{_ROUTES}/{{id}}"),
        update=Call("PUT", f"{_ROUTES}/{{id}}"),
        delete=Call("DELETE", f"{_ROUTES}/{{id}}"),
        id="id",
        imports=("zoneId", "id"),
        optional=frozenset({"zoneId", "pattern", "script"}),
        computed=frozenset({"id"}),
        stable=frozenset({"id"}),
        replaces=frozenset({"zoneId"}),
        in_path=frozenset({"zoneId"}),
        lookup=Lookup(_ROUTES, same_property("pattern")),
    ),
)
