"""Which versions of the Worker serve which part of the requests."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from infra.components.service import Service
from infra.settings import Settings

ALL = 100
"""Percent."""


@dataclass(frozen=True)
class Share:
    """One version's part of the requests, in percent."""

    version_id: str
    percentage: int

    def document(self) -> dict[str, object]:
        """Return the share as plain values, ready to be exported."""
        return {"version_id": self.version_id, "percentage": self.percentage}


@dataclass(frozen=True)
class DeploymentArgs:
    """What the deployment needs. `after` comes first: the schema that the version works with.

    `bundle_sha256` and `assets_sha256`, empty without a console, decide whether a pin holds.
    """

    settings: Settings
    bundle_sha256: str
    assets_sha256: str
    service: Service
    after: pulumi.Resource
    child_opts: pulumi.ResourceOptions | None = None


class Deployment(pulumi.ComponentResource):
    """The deployment of one version, or of two with their shares."""

    def __init__(
        self, name: str, args: DeploymentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(
            "notification-system:index:Deployment",
            name,
            None,
            # Its name in states of earlier releases; its children's follow from it.
            pulumi.ResourceOptions.merge(
                opts,
                pulumi.ResourceOptions(
                    aliases=[
                        pulumi.Alias(name="traffic", type_="notification-system:index:Traffic")
                    ]
                ),
            ),
        )
        self.shares = _shares(args)
        self.current = cloudflare.WorkersDeployment(
            "deployment",
            account_id=args.settings.account_id,
            script_name=args.service.worker.name,
            strategy="percentage",
            versions=self.shares.apply(_versions),
            opts=pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(parent=self, depends_on=[args.after]), args.child_opts
            ),
        )
        self.register_outputs({"deployment_id": self.current.id})


def _shares(args: DeploymentArgs) -> pulumi.Output[tuple[Share, ...]]:
    """Who serves: the pinned version while its pin holds, else this version at `traffic` percent.

    The rest goes to `traffic_base`. Where that is this very version, it serves everything: a
    deployment names no version twice.
    """
    settings, pin = args.settings, args.settings.pin
    if pin is not None and pin.holds_against(
        bundle_sha256=args.bundle_sha256, assets_sha256=args.assets_sha256
    ):
        return pulumi.Output.from_input((Share(pin.version, ALL),))

    def split(own: str) -> tuple[Share, ...]:
        base = settings.traffic_base
        if not settings.shares_traffic or base is None or base == own:
            return (Share(own, ALL),)
        return (Share(own, settings.traffic), Share(base, ALL - settings.traffic))

    return args.service.version.id.apply(split)


def _versions(found: tuple[Share, ...]) -> list[cloudflare.WorkersDeploymentVersionArgs]:
    return [
        cloudflare.WorkersDeploymentVersionArgs(
            version_id=share.version_id, percentage=share.percentage
        )
        for share in found
    ]
