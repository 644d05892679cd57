"""What a stack claims in its account: names and addresses that only one owner can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from infra.dynamic_providers import PROVIDER_KEY
from infra.names import Names
from infra.settings import Settings


@dataclass(frozen=True)
class Claims:
    """The claims of one stack, as the inputs of the resource `Preconditions`.

    Attributes:
        account_id: the account.
        base_url: Cloudflare's API, without a trailing slash.
        worker: name of the Worker.
        queues: names of the queues that the Worker consumes.
        crons: cron expressions of its schedule.
        subdomain: the workers.dev subdomain that the settings name.
        needs_subdomain: whether the Worker, or each version of it, answers at workers.dev.
        custom_domain: host name of the custom domain.
        route_pattern: pattern of the route.
        zone_id: zone of both.
        take_over: host names and patterns that may be taken from another Worker.
        rolls_back: whether a pin holds. Then nothing is asked: what is broken mustn't stop it.
        own_routes: patterns of the routes in the stack's state; None where that isn't known.
    """

    account_id: str
    base_url: str
    worker: str
    queues: tuple[str, ...]
    crons: tuple[str, ...]
    subdomain: str | None
    needs_subdomain: bool
    custom_domain: str | None
    route_pattern: str | None
    zone_id: str | None
    take_over: tuple[str, ...]
    rolls_back: bool
    own_routes: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        settings: Settings,
        names: Names,
        *,
        zone_id: str | None,
        rolls_back: bool,
        own_routes: tuple[str, ...] | None = None,
    ) -> Claims:
        """Return what a stack with these settings and names claims."""
        return cls(
            account_id=settings.account_id,
            base_url=settings.cloudflare_base_url,
            worker=names.worker,
            queues=(names.retry_queue, names.failed_queue),
            crons=settings.crons,
            subdomain=settings.workers_dev_subdomain,
            needs_subdomain=settings.workers_dev or settings.preview_urls,
            custom_domain=settings.custom_domain,
            route_pattern=settings.route_pattern,
            zone_id=zone_id,
            take_over=settings.take_over,
            rolls_back=rolls_back,
            own_routes=own_routes,
        )

    @classmethod
    def of_properties(cls, properties: Mapping[str, Any]) -> Claims:
        """Return the claims that the resource's inputs describe."""
        values: dict[str, Any] = {f.name: properties.get(f.name) for f in fields(cls)}
        for name in ("queues", "crons", "take_over"):
            values[name] = tuple(values[name] or ())
        if values["own_routes"] is not None:
            values["own_routes"] = tuple(values["own_routes"])
        return cls(**values)

    def properties(self) -> dict[str, Any]:
        """Return the resource's inputs."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def claimed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is a change where it differs: not what the state has, nor the provider's own."""
    return {k: v for k, v in properties.items() if k not in (PROVIDER_KEY, "own_routes")}
