"""Addresses in a zone of one's own: a custom domain, a route, or both."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from infra.components.service import Service
from infra.settings import Settings


@dataclass(frozen=True)
class AddressesArgs:
    """What the addresses need. `after` has to be there first: what they lead to must answer."""

    settings: Settings
    zone_id: str
    service: Service
    after: pulumi.Resource
    child_opts: pulumi.ResourceOptions | None = None


class Addresses(pulumi.ComponentResource):
    """The custom domain, whose DNS record Cloudflare makes, and the route: what is configured."""

    domain: cloudflare.WorkersCustomDomain | None = None
    route: cloudflare.WorkersRoute | None = None

    def __init__(
        self, name: str, args: AddressesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:Addresses", name, None, opts)
        child_opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self, depends_on=[args.after]), args.child_opts
        )
        settings, worker = args.settings, args.service.worker
        self.zone_id = args.zone_id
        if settings.custom_domain:
            self.domain = cloudflare.WorkersCustomDomain(
                "custom-domain",
                account_id=settings.account_id,
                hostname=settings.custom_domain,
                service=worker.name,
                zone_id=self.zone_id,
                opts=child_opts,
            )
        if settings.route_pattern:
            self.route = cloudflare.WorkersRoute(
                "route",
                zone_id=self.zone_id,
                pattern=settings.route_pattern,
                script=worker.name,
                opts=child_opts,
            )
        self.register_outputs({"zone_id": self.zone_id})

    def outputs(self) -> dict[str, object]:
        """Return the ids of what is there, by the names of the stack's outputs."""
        found: dict[str, object] = {"zone_id": self.zone_id}
        if self.domain is not None:
            found["custom_domain_id"] = self.domain.id
        if self.route is not None:
            found["route_id"] = self.route.id
        return found
