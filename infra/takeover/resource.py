"""The resource `Takeover`: a custom domain or route of another Worker becomes free for this one.

It runs after the new version serves and right before the address is made, so that the address
leads nowhere for a moment only.
"""

from dataclasses import replace
from typing import Any

import pulumi
from pulumi import dynamic

from infra.dynamic_providers import StackProvider, provider
from infra.preconditions.claims import Claims, claimed


class TakeoverProvider(StackProvider):
    """Create and update free the addresses; delete gives nothing back."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=claimed(_olds) != claimed(_news))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        _free(Claims.of_properties(props))
        return dynamic.CreateResult(f"{props['worker']}/takeover", claimed(props))

    def update(
        self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]
    ) -> dynamic.UpdateResult:
        _free(Claims.of_properties(_news))
        return dynamic.UpdateResult(claimed(_news))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        return dynamic.ReadResult(id_, props)


class Takeover(dynamic.Resource, module="account", name="Takeover"):
    """The addresses that `takeOver` names, freed from whichever Worker has them."""

    def __init__(
        self, name: str, claims: Claims, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # What has nothing to do with addresses would only make changes.
        own = replace(
            claims, queues=(), crons=(), subdomain=None, needs_subdomain=False, rolls_back=False
        )
        super().__init__(provider("takeover"), name, own.properties(), opts)


def _free(claims: Claims) -> None:
    """Remove other claims on the addresses; what this stack's state has is left alone.

    A custom domain of this Worker needs nothing: to attach it again is no conflict. A route of
    this Worker that was made outside the stack is one (Cloudflare's error 10020).
    """
    from infra.account_api import AccountApi
    from infra.preconditions.questions import is_own_route

    with AccountApi(claims.base_url, claims.account_id) as api:
        host, pattern = claims.custom_domain, claims.route_pattern
        if host in claims.take_over:
            for domain in api.listed("workers/domains", hostname=str(host)):
                if domain.get("hostname") == host and domain.get("service") != claims.worker:
                    api.delete(f"workers/domains/{domain['id']}")
        if pattern in claims.take_over and claims.zone_id is not None:
            path = f"/zones/{claims.zone_id}/workers/routes"
            for route in api.listed(path):
                if route.get("pattern") == pattern and not is_own_route(route, claims):
                    api.delete(f"{path}/{route['id']}")
