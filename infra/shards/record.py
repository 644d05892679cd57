"""The record of the placement: one row in the first database, which the Worker reads too."""

from __future__ import annotations

import json
from dataclasses import dataclass

from infra.migrations.d1 import Statement
from infra.migrations.errors import D1SqlError, MigrationError
from infra.migrations.schema import Queries
from infra.settings.values import MAX_SHARDS

KEY = "shards"
SELECT_PLACEMENT = "SELECT config_value FROM system_configs WHERE config_key = 'shards'"
SELECT_LAST_MOVE = "SELECT config_value, updated_at FROM system_configs WHERE config_key = 'shards'"
_INSERT = """
INSERT INTO system_configs (config_key, config_value, description)
VALUES ('shards', ?1, 'Databases over which the recipients are spread; deployments write it')
ON CONFLICT DO NOTHING RETURNING config_value
"""
_UPDATE = """
UPDATE system_configs
SET config_value = ?1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE config_key = 'shards' AND json(config_value) = ?2 RETURNING config_value
"""
_REPLACE = """
INSERT INTO system_configs (config_key, config_value, description)
VALUES ('shards', ?1, 'Databases over which the recipients are spread; deployments write it')
ON CONFLICT (config_key) DO UPDATE
SET config_value = ?1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
"""
_CHANGED = (
    f"The setting '{KEY}' in the first database was changed meanwhile. Wait until no other "
    "deployment runs, and run the same command again."
)


class PlacementUnknown(MigrationError):
    """The record can't be understood, or isn't what it was a moment ago."""


@dataclass(frozen=True)
class Placement:
    """Over how many databases the recipients are spread.

    Attributes:
        n: databases that have recipients.
        moving_to: databases that a move under way leads to.
    """

    n: int = 1
    moving_to: int | None = None

    @property
    def reach(self) -> int:
        """How many databases may have rows of recipients."""
        return max(self.n, self.moving_to or 0)

    @property
    def text(self) -> str:
        """The record's value."""
        document = {"n": self.n, "moving_to": self.moving_to}
        return json.dumps(document, separators=(",", ":"))

    def refusal_of_canary(self, wanted: int) -> str:
        """Say why no canary may begin while the settings want so many databases.

        Nobody moves while two versions serve, and once recipients have moved, the version before
        can't take over: a canary that moved them could not be aborted.

        Returns:
            An empty text where it may.
        """
        if self.moving_to is not None:
            return (
                f"A move of the recipients from {self.n} to {self.moving_to} databases isn't "
                "complete, and a canary would keep them waiting; nothing was changed. First finish "
                "it: deploy to all at once, without a canary."
            )
        if self.n != wanted:
            return (
                f"The recipients are spread over {self.n} of the databases and shards is {wanted}. "
                "A canary moves nobody, since the version beside it could not take over again; "
                f"nothing was changed. Set shards to {self.n} for the canary. When the new version "
                f"has all requests, set it to {wanted} and deploy without a canary."
            )
        return ""

    @classmethod
    def parse(cls, text: str) -> Placement:
        """Read the record's value.

        Raises:
            PlacementUnknown: it isn't such a value.
        """
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and found.keys() == {"n", "moving_to"}:
            n, moving_to = found["n"], found["moving_to"]
            if _is_count(n) and (moving_to is None or _is_count(moving_to)):
                return cls(n, None if moving_to == n else moving_to)
        raise PlacementUnknown(
            f"The setting '{KEY}' in the table system_configs of the first database is "
            f"{text[:80]!r}, and must be such as {cls(3).text}: the number of databases that have "
            "recipients. Nothing was changed. Restore it from a backup, or by D1's time travel."
        )


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_SHARDS


def read_placement(database: Queries) -> Placement | None:
    """Return what the first database says; None where no deployment has written it yet.

    Raises:
        PlacementUnknown: the record is malformed.
    """
    try:
        rows, *_ = database.batch([Statement(SELECT_PLACEMENT)])
    except D1SqlError as error:
        if "no such table" in str(error):
            return None
        raise
    match rows:
        case [row, *_]:
            return Placement.parse(str(row["config_value"]))
    return None


def replace_text(database: Queries, placement: Placement) -> None:
    """Write the record, whatever stands there.

    Raises:
        PlacementUnknown: somebody else has changed it meanwhile.
    """
    database.batch([Statement(_REPLACE, (placement.text,))])
    if read_placement(database) != placement:
        raise PlacementUnknown(_CHANGED)


def write_placement(database: Queries, before: Placement | None, after: Placement) -> None:
    """Replace the record, if it is still what it was.

    Raises:
        PlacementUnknown: somebody else has changed it.
    """
    statement = (
        Statement(_INSERT, (after.text,))
        if before is None
        else Statement(_UPDATE, (after.text, before.text))
    )
    # An answer may get lost, so that the call is made twice: what counts is what stands there.
    written, *_ = database.batch([statement])
    if not written and read_placement(database) != after:
        raise PlacementUnknown(_CHANGED)
