"""Routes as data, and finding the route of a request."""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from importlib import import_module
from typing import Any, NamedTuple

from notification.errors import ServiceError
from notification.http.request import Request, decode_segment
from notification.http.response import Response
from notification.ports.platform import Platform


class Access(Enum):
    """Who may call a route."""

    PUBLIC = "public"
    SIGNED = "signed"
    SCRAPER = "scraper"
    """Signed, or with the scraper's bearer token."""
    GRAFANA = "grafana"
    """HTTP Basic with Grafana's credentials."""
    ADMIN_KEY = "admin-key"
    """Signed, or with the administrator's key in `X-API-Key`."""


class Call(NamedTuple):
    """A request with its route's parameters: what a handler gets.

    Attributes:
        parameters: the path's parameters, percent-decoded.
    """

    platform: Platform
    request: Request
    parameters: dict[str, str]


Handler = Callable[[Call], Awaitable[Response]]


class Route(NamedTuple):
    """One method on one path; `{name}` stands for one segment.

    Attributes:
        query: the query parameters that the route takes; every other one is refused.
    """

    method: str
    path: str
    handler: Handler
    access: Access = Access.SIGNED
    during_maintenance: bool = False
    aliases: tuple[str, ...] = ()
    query: tuple[str, ...] = ()


class RouteModule(NamedTuple):
    """A module with `ROUTES`, imported when a path first starts with one of `prefixes`."""

    name: str
    prefixes: tuple[str, ...]

    def load(self) -> tuple[Route, ...]:
        """Import the module and return its routes."""
        routes: tuple[Route, ...] = import_module(self.name).ROUTES
        return routes


class Router:
    """Finds routes by path and method; a path with parameters never hides a plain one.

    Routes that are rarely called may come in modules, so that a starting isolate does not pay for
    their import.
    """

    def __init__(self, routes: Sequence[Route], modules: Sequence[RouteModule] = ()) -> None:
        self._plain: dict[str, dict[str, Route]] = {}
        self._patterns: dict[tuple[str, ...], dict[str, Route]] = {}
        self._unloaded = list(modules)
        self._add(routes)

    def _add(self, routes: Sequence[Route]) -> None:
        for route in routes:
            for path in (route.path, *route.aliases):
                verbs = (
                    self._patterns.setdefault(tuple(path.split("/")), {})
                    if "{" in path
                    else self._plain.setdefault(path, {})
                )
                if route.method in verbs:
                    raise ValueError(f"{route.method} {path} is declared twice")
                verbs[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Return the route and its parameters; `HEAD` finds the route of `GET`.

        Raises:
            ServiceError: NOT_FOUND for an unknown path, or METHOD_NOT_ALLOWED, with the `Allow`
                header, for a method that the path doesn't have.
        """
        known = self._plain.get(path)
        if known is not None and method in known:
            return known[method], {}
        for module in [m for m in self._unloaded if path.startswith(m.prefixes)]:
            self._unloaded.remove(module)
            self._add(module.load())
        verbs, parameters = self._match(path)
        if not verbs:
            raise ServiceError("NOT_FOUND", "Not found")
        route = verbs.get("GET" if method == "HEAD" else method)
        if route is None:
            allowed = sorted({*verbs, "OPTIONS", *(["HEAD"] if "GET" in verbs else [])})
            raise ServiceError(
                "METHOD_NOT_ALLOWED", "Method not allowed", headers={"Allow": ", ".join(allowed)}
            )
        return route, parameters

    def _match(self, path: str) -> tuple[dict[str, Any], dict[str, str]]:
        verbs = self._plain.get(path)
        if verbs is not None:
            return verbs, {}
        segments = path.split("/")
        for pattern, verbs in self._patterns.items():
            parameters = _parameters(pattern, segments)
            if parameters is not None:
                return verbs, parameters
        return {}, {}


def _parameters(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    found = {}
    for expected, segment in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            if not segment:
                return None
            found[expected[1:-1]] = segment
        elif expected != segment:
            return None
    return {name: decode_segment(segment) for name, segment in found.items()}
