"""What the provider of the resource `Shards` does, as plain functions on plain properties.

Inputs: account_id, base_url, databases (their ids by shard) and wanted: over how many of them the
recipients are to be spread, None while another version than the newest serves as well. Outputs: the
inputs and `n`, over how many they are spread.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from infra.migrations.d1 import D1Database, retry_unavailable
from infra.migrations.errors import D1Refused, MigrationError
from infra.settings.values import is_loopback
from infra.shards.mover import SETTLED_S, Mover
from infra.shards.record import Placement, read_placement

Properties = Mapping[str, Any]

SETTLED_VARIABLE = "NOTIFICATION_LOCAL_SETTLED_S"
"""Environment variable with the seconds that a move waits on the local cloud, for tests: its one
isolate has the version and the record at once."""


def is_changed(old: Properties, new: Properties) -> bool:
    """Whether recipients have to move, or the databases are others.

    A move that was cut off left the number of before in the state: the record tells.
    """
    if any(old.get(key) != new.get(key) for key in ("account_id", "base_url", "databases")):
        return True
    wanted = new.get("wanted")
    if wanted is not None and old.get("n") != wanted:
        return True
    with _database(new, str(new["databases"][0])) as first:
        try:
            found = retry_unavailable(read_placement, first)
        except D1Refused as error:
            # A token that may only plan can't query; one that may not update fails there.
            return not error.is_of_token
        except MigrationError:
            return True  # The update says why.
    if wanted is None:
        return found is not None and found.moving_to is not None
    return found != Placement(int(wanted))


def settle(properties: Properties, before: Properties | None = None) -> dict[str, Any]:
    """Move who has to move, and return the outputs; raise a MigrationError.

    Where an earlier version serves in place of the newest, nobody moves; but who was being moved
    when a deployment was cut off would wait as long as it serves, and is taken back.
    """
    with ExitStack() as stack:
        databases = [
            stack.enter_context(_database(properties, database_id))
            for database_id in properties["databases"]
        ]
        wanted = properties.get("wanted")
        mover = Mover(databases, settled=_settled(properties), say=_say)
        if wanted is not None:
            placement = mover.move(int(wanted))
        else:
            placement = retry_unavailable(read_placement, databases[0]) or Placement()
            if placement.moving_to is not None:
                placement = mover.move(placement.n)
    return {**_kept(properties), "n": placement.n}


def read(properties: Properties) -> dict[str, Any] | None:
    """Return the outputs as the record says now; None where the first database is gone."""
    first = str(properties["databases"][0])
    with _database(properties, first) as database:
        try:
            placement = read_placement(database) or Placement()
        except D1Refused as error:
            if error.status == 404:
                return None
            raise
    return {**_kept(properties), "n": placement.n}


def _kept(properties: Properties) -> dict[str, Any]:
    return {key: properties.get(key) for key in ("account_id", "base_url", "databases", "wanted")}


def _database(properties: Properties, database_id: str) -> D1Database:
    return D1Database(
        account_id=properties["account_id"],
        database_id=database_id,
        base_url=properties["base_url"],
    )


def _say(text: str) -> None:
    """Tell the operator: Pulumi shows what a provider prints."""
    print(text, flush=True)  # noqa: T201


def _settled(properties: Properties) -> float:
    text = os.environ.get(SETTLED_VARIABLE, "")
    if text.isascii() and text.isdecimal() and is_loopback(properties["base_url"]):
        return float(text)
    return SETTLED_S
