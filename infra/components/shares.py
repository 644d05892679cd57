"""Which versions serve which part of the requests."""

from dataclasses import dataclass

import pulumi

from infra.settings import Settings

ALL = 100


@dataclass(frozen=True)
class Share:
    """One version's part of the requests, in percent."""

    version_id: str
    percentage: int

    def document(self) -> dict[str, object]:
        """Return the share as plain values, ready to be exported."""
        return {"version_id": self.version_id, "percentage": self.percentage}


def shares(
    settings: Settings,
    *,
    bundle_sha256: str,
    assets_sha256: str,
    version_id: pulumi.Output[str],
) -> pulumi.Output[tuple[Share, ...]]:
    """Who serves: the pinned version while its pin holds, else this version at `traffic` percent.

    The rest goes to `traffic_base`. Where that is this very version, it serves everything: a
    deployment names no version twice.
    """
    pin = settings.pin
    if pin is not None and pin.holds_against(
        bundle_sha256=bundle_sha256, assets_sha256=assets_sha256
    ):
        return pulumi.Output.from_input((Share(pin.version, ALL),))

    def split(own: str) -> tuple[Share, ...]:
        base = settings.traffic_base
        if settings.traffic == ALL or base is None or base == own:
            return (Share(own, ALL),)
        return (Share(own, settings.traffic), Share(base, ALL - settings.traffic))

    return version_id.apply(split)
