"""Settings that say which version serves: all of the traffic, a part of it, or a pinned one."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from infra.settings import values as v

VersionId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
    v.Rule("a version's id: a UUID in lower case.", "18f97339-c287-4872-9bdd-e2135c07ec12"),
]
Percentage = Annotated[
    int,
    BeforeValidator(v.whole_number),
    Field(ge=1, le=100),
    v.Rule("a whole number of percent from 1 to 100.", "10"),
]


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Pin(BaseModel):
    """A version that serves in place of a bad release; it gives way to any other code or console.

    `instead_of` and `instead_of_assets` are the SHA-256 of the bad release's bundle and of its
    console's assets, as its manifest has them. A pin that names no assets holds whatever they are.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    version: VersionId
    instead_of: Digest
    instead_of_assets: Digest | None = None
    reason: Annotated[str, StringConstraints(max_length=500)] = ""

    def holds_against(self, *, bundle_sha256: str, assets_sha256: str) -> bool:
        """Whether these are the code and console that the pin keeps from serving.

        `assets_sha256` is empty where the stack serves no console: to switch it off during an
        incident must not bring the bad code back.
        """
        known = self.instead_of_assets is not None and assets_sha256 != ""
        same_assets = not known or self.instead_of_assets == assets_sha256
        return self.instead_of == bundle_sha256 and same_assets


PinnedVersion = Annotated[
    Pin,
    BeforeValidator(v.json_value),
    v.Rule(
        "a mapping with `version` (a UUID), `insteadOf` (a bundle's SHA-256) and, if wanted, "
        "`insteadOfAssets` (the console's SHA-256) and `reason`.",
        '{"version": "18f97339-c287-4872-9bdd-e2135c07ec12", "insteadOf": "' + "5e" * 32 + '"}',
    ),
]


class TrafficSettings(BaseModel):
    """How the traffic is divided between this program's version and an earlier one."""

    traffic: Percentage = Field(
        100, description="percent of the requests that this program's version gets"
    )
    traffic_base: VersionId | None = Field(
        None, description="version that gets the rest of the requests where `traffic` is below 100"
    )
    pin: PinnedVersion | None = Field(
        None, description="version that serves in place of the release it names: a rollback"
    )

    @property
    def shares_traffic(self) -> bool:
        """Whether another version than the newest gets a part of the requests."""
        return self.traffic < 100
