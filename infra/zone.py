"""The zone of the stack's own addresses."""

import pulumi
import pulumi_cloudflare as cloudflare

from infra.settings import Settings


def zone_of(settings: Settings, provider: pulumi.ProviderResource) -> str | None:
    """Return the id of the zone that the stack's addresses are in; None where it has none there.

    Raise pulumi.RunError where the zone can't be found: before anything is declared, so that
    nothing is changed.
    """
    if not (settings.custom_domain or settings.route_pattern):
        return None
    if settings.zone_id:
        return settings.zone_id
    opts = pulumi.InvokeOptions(provider=provider)
    return find_zone(str(settings.zone_name), settings.account_id, opts)


def find_zone(name: str, account_id: str, opts: pulumi.InvokeOptions) -> str:
    """Return the id of the account's zone of that name.

    Raise pulumi.RunError, which Pulumi shows without a stack trace, where the zone isn't there once
    or the question was refused.
    """
    try:
        found = cloudflare.get_zones(
            name=name, account=cloudflare.GetZonesAccountArgs(id=account_id), opts=opts
        ).results
    except Exception as error:
        raise pulumi.RunError(
            f"The zone {name} could not be looked up: {error} "
            "The API token needs the permission Zone: Zone: Read, or set zoneId yourself."
        ) from None
    match [zone.id for zone in found if zone.name == name]:
        case [identifier]:
            return identifier
        case []:
            raise pulumi.RunError(
                f"There is no zone {name} in the account {account_id}, or the API token may not "
                "read it. Add the zone in the dashboard, correct zoneName, or set zoneId."
            )
        case identifiers:
            raise pulumi.RunError(
                f"There are {len(identifiers)} zones {name}: {', '.join(identifiers)}. "
                "Set zoneId to the one that is meant."
            )
