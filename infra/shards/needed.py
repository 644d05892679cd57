"""How many databases a stack has to have, whatever its settings say by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from infra.migrations.errors import D1Refused, MigrationError
from infra.names import is_further_database
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.shards.record import Placement

_DATABASE = "cloudflare:index/d1Database:D1Database"
_SHARDS = "pulumi-python:dynamic/shards:Shards"
_RELEASES = "pulumi-python:dynamic/releases:ReleaseLedger"

State = Sequence[Mapping[str, Any]]


def databases_needed(settings: Settings, state: State, *, pin_holds: bool) -> int:
    """Return the settings' number, or a higher one while others still have recipients or a reader.

    The record is asked only where the stack has more databases than the settings want: the state
    doesn't tell how far a deployment came that was cut off.

    Args:
        settings: the stack's.
        state: type and outputs of the resources before this update.
        pin_holds: whether the pinned version serves.

    Raises:
        pulumi.RunError: the record can't be read, and so nothing may go.
    """
    there = len(_of(state, _DATABASE))
    if there <= settings.shards:
        return settings.shards
    if _older(settings, pin_holds=pin_holds):
        # A version asks every database that it is bound to, also one that has nobody.
        return there
    try:
        reach = _placement(settings, state).reach
    except MigrationError as error:
        raise pulumi.RunError(
            f"It isn't known over how many of the {there} databases the recipients are "
            f"spread, so none of them may go; nothing was changed. {error}"
        ) from None
    return max(settings.shards, reach)


def first_settings(
    settings: Settings, state: State | None, *, pin_holds: bool, imports: bool
) -> Mapping[str, str]:
    """Return the settings with which a new first database begins: how far recipients are spread.

    With that record from the start, the first deployment has nobody to move and nothing to wait
    for. Nothing is set where somebody may have been spread before.

    Args:
        settings: the stack's.
        state: type and outputs of the resources before this update; None where it isn't known.
        pin_holds: whether the pinned version serves.
        imports: whether stores come under management that were there before.
    """
    if settings.shards < 2 or state is None or imports or _of(state, _SHARDS):
        return {}
    if pin_holds or settings.shares_traffic:
        return {}
    from infra.shards.record import KEY, Placement  # Late, as below.

    return {KEY: Placement(settings.shards).text}


def check_older_version(settings: Settings, state: State, *, pin_holds: bool) -> None:
    """Refuse a pin or a share of the traffic for a version that doesn't know every database.

    Nobody moves while an older version serves, so a canary may neither begin one nor leave one
    half done: who is being moved would wait until it ends.

    Raises:
        pulumi.RunError: it would answer for recipients whose rows it can't see, or would keep
            recipients from being moved.
    """
    versions = _older(settings, pin_holds=pin_holds)
    if not versions or max(len(_of(state, _DATABASE)), settings.shards) < 2:
        return
    try:
        placement = _placement(settings, state)
    except MigrationError as error:
        raise pulumi.RunError(
            "It isn't known over how many databases the recipients are spread, so no earlier "
            f"version may serve; nothing was changed. {error}"
        ) from None
    for version in versions:
        known = _shards_of(state, version)
        if known < placement.reach:
            raise pulumi.RunError(
                f"Version {version[:8]} knows {known} of the {placement.reach} databases "
                "over which the recipients are spread, so it can't serve; nothing was changed. "
                f"Set shards to {known} and deploy the newest release, which moves "
                "the recipients back; then this version can serve."
            )
    if refusal := placement.refusal_of_canary(settings.shards) if settings.shares_traffic else "":
        raise pulumi.RunError(refusal)


def release_shards(settings: object) -> int:
    """Return how many databases a release knows, by the settings that it remembers."""
    found = settings.get("shards") if isinstance(settings, Mapping) else None
    # Pulumi hands every number of a state over as a float.
    return int(found) if isinstance(found, int | float) else 1


def _older(settings: Settings, *, pin_holds: bool) -> list[str]:
    """Return the versions that get traffic beside the newest one, or in its place."""
    found = [settings.pin.version] if settings.pin is not None and pin_holds else []
    if settings.traffic_base is not None and settings.shares_traffic:
        found.append(settings.traffic_base)
    return found


def _placement(settings: Settings, state: State) -> Placement:
    """Ask the first database for the record; a stack that has one database at most has none.

    Raises:
        MigrationError: the record can't be read.
        pulumi.RunError: the state doesn't tell which database is the first.
    """
    # Imported late: the program itself needs no HTTP client, and few stacks come here.
    from infra.migrations.d1 import D1Database, retry_unavailable
    from infra.shards.record import Placement, read_placement

    databases = _of(state, _DATABASE)
    if len(databases) < 2:
        return Placement()
    first = next((id_ for one in databases if (id_ := _first_id(one))), None)
    if first is None:
        raise pulumi.RunError(
            f"The stack has {len(databases)} databases, and its state doesn't tell which one is "
            "the first; nothing was changed. Run 'pulumi refresh', and deploy again."
        )
    try:
        with D1Database(
            account_id=settings.account_id,
            database_id=first,
            base_url=settings.cloudflare_base_url,
        ) as database:
            return retry_unavailable(read_placement, database) or Placement()
    except D1Refused as error:
        # A token that may only plan can't query: it shows what the last update left.
        if not error.is_of_token or not pulumi.runtime.is_dry_run():
            raise
        found = ((one.get("outputs") or {}).get("n") for one in _of(state, _SHARDS))
        return Placement(max((int(n) for n in found if n), default=len(databases)))


def _shards_of(state: State, version: str) -> int:
    """Return how many databases a version knows; one that the state doesn't list knows one."""
    return next(
        (
            release_shards(release.get("settings"))
            for one in _of(state, _RELEASES)
            for release in (one.get("outputs") or {}).get("releases") or ()
            if isinstance(release, Mapping) and release.get("version_id") == version
        ),
        1,
    )


def _of(state: State, kind: str) -> list[Mapping[str, Any]]:
    return [one for one in state if one.get("type") == kind]


def _first_id(database: Mapping[str, Any]) -> str | None:
    """Return the id of the first database; None for another."""
    outputs = database.get("outputs") or {}
    if is_further_database(str(outputs.get("name", ""))):
        return None
    found = outputs.get("uuid") or outputs.get("id")
    return found if isinstance(found, str) else None
