"""How many databases a stack has to have, whatever its settings say by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from infra.names import is_further_database
from infra.settings import Settings

_DATABASE = "cloudflare:index/d1Database:D1Database"
_SHARDS = "pulumi-python:dynamic/shards:Shards"
_RELEASES = "pulumi-python:dynamic/releases:ReleaseLedger"

State = Sequence[Mapping[str, Any]]


def databases_needed(settings: Settings, state: State) -> int:
    """Return the settings' number, or a higher one while others still have recipients.

    The record is asked only where the stack has more databases than the settings want: the state
    doesn't tell how far a deployment came that was cut off.

    Args:
        settings: the stack's.
        state: type and outputs of the resources before this update.

    Raises:
        pulumi.RunError: the record can't be read, and so nothing may go.
    """
    databases = [one for one in state if one.get("type") == _DATABASE]
    if len(databases) <= settings.shards:
        return settings.shards
    first = next((id_ for one in databases if (id_ := _first_id(one))), None)
    if first is None:
        raise pulumi.RunError(
            f"The stack has {len(databases)} databases, and its state doesn't tell which one is "
            "the first; nothing was changed. Run 'pulumi refresh', and deploy again."
        )
    # Imported late: the program itself needs no HTTP client, and few stacks come here.
    from infra.migrations.d1 import D1Database, retry_unavailable
    from infra.migrations.errors import MigrationError
    from infra.shards.record import read_placement

    try:
        with D1Database(
            account_id=settings.account_id,
            database_id=first,
            base_url=settings.cloudflare_base_url,
        ) as database:
            placement = retry_unavailable(read_placement, database)
    except MigrationError as error:
        raise pulumi.RunError(
            f"It isn't known over how many of the {len(databases)} databases the recipients are "
            f"spread, so none of them may go; nothing was changed. {error}"
        ) from None
    return max(settings.shards, placement.reach if placement is not None else 1)


def check_older_version(settings: Settings, state: State, *, pin_holds: bool) -> None:
    """Refuse a pin or a share of the traffic for a version that doesn't know every database.

    Raises:
        pulumi.RunError: it would answer for recipients whose rows it can't see.
    """
    spread = max(
        (int((one.get("outputs") or {}).get("n") or 1) for one in _of(state, _SHARDS)), default=1
    )
    wanted = [settings.pin.version] if settings.pin is not None and pin_holds else []
    if settings.traffic_base is not None and settings.shares_traffic:
        wanted.append(settings.traffic_base)
    known = {
        str(release.get("version_id")): _shards(release)
        for one in _of(state, _RELEASES)
        for release in (one.get("outputs") or {}).get("releases") or ()
        if isinstance(release, Mapping)
    }
    for version in wanted:
        if known.get(version, 1) < spread:
            raise pulumi.RunError(
                f"Version {version[:8]} knows {known.get(version, 1)} of the {spread} databases "
                "over which the recipients are spread, so it can't serve; nothing was changed. "
                f"Set shards to {known.get(version, 1)} and deploy the newest release, which moves "
                "the recipients back; then this version can serve."
            )


def release_shards(settings: object) -> int:
    """Return how many databases a release knows, by the settings that it remembers."""
    found = settings.get("shards") if isinstance(settings, Mapping) else None
    # Pulumi hands every number of a state over as a float.
    return int(found) if isinstance(found, int | float) else 1


def _shards(release: Mapping[str, Any]) -> int:
    return release_shards(release.get("settings"))


def _of(state: State, kind: str) -> list[Mapping[str, Any]]:
    return [one for one in state if one.get("type") == kind]


def _first_id(database: Mapping[str, Any]) -> str | None:
    """Return the id of the first database; None for another."""
    outputs = database.get("outputs") or {}
    if is_further_database(str(outputs.get("name", ""))):
        return None
    found = outputs.get("uuid") or outputs.get("id")
    return found if isinstance(found, str) else None
