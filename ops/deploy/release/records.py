"""What was found out about releases after they had been deployed, kept in the service's database.

It is there whoever deployed from wherever, and it outlives any state. A database that can't be
asked leaves a rollback with what the state knows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ops.stacks.account import Row, StackAccount
from ops.stacks.errors import OperationError

KEY = "release."
"""Beginning of the key in `system_configs`; the version id follows."""

_WRITE = """
INSERT INTO system_configs (config_key, config_value, description)
VALUES (?1, ?2, 'What is known of this release')
ON CONFLICT (config_key) DO UPDATE SET config_value = excluded.config_value,
  updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
"""
_READ = """
SELECT config_key, config_value FROM system_configs
WHERE config_key >= 'release.' AND config_key < 'release/'
"""


@dataclass(frozen=True)
class ReleaseRecord:
    """What is known of one version.

    Attributes:
        result: ``verified``, ``failed`` (a check after the deployment failed) or ``rolled back``.
        detail: the check that failed, or the reason of the rollback.
        actor: who ran the command.
        commit: git commit of the release.
        bundle_sha256: digest of its bundle.
        at: ISO-8601 in UTC.
    """

    result: str
    detail: str = ""
    actor: str = ""
    commit: str = ""
    bundle_sha256: str = ""
    at: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether no rollback may choose the release by itself."""
        return self.result in {"failed", "rolled back"}


class ReleaseRecords:
    """The records of one stack's service.

    Args:
        account: where its database lives.
        database_id: the database.
    """

    def __init__(self, account: StackAccount, database_id: str) -> None:
        self._account = account
        self._database_id = database_id

    def read(self) -> dict[str, ReleaseRecord]:
        """Return the records by version id; entries that aren't records are left out.

        Raises:
            OperationError: the database can't be asked.
        """
        found = {}
        for row in self._query(_READ):
            try:
                content = json.loads(str(row["config_value"]))
                record = ReleaseRecord(**content)
            except (ValueError, TypeError, KeyError):
                continue
            found[str(row.get("config_key")).removeprefix(KEY)] = record
        return found

    def write(self, version_id: str, record: ReleaseRecord) -> None:
        """Keep ``record``, with the time of now; the one before is replaced.

        Raises:
            OperationError: the database can't be asked.
        """
        at = record.at or datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        text = json.dumps({**asdict(record), "at": at}, sort_keys=True)
        self._query(_WRITE, KEY + version_id, text)

    def _query(self, sql: str, *parameters: str) -> list[Row]:
        what = "query the service's database"
        return self._account.query(what, self._database_id, sql, *parameters)


def read_tolerantly(records: ReleaseRecords) -> tuple[dict[str, ReleaseRecord], str | None]:
    """Return the records, or none of them and the sentence that says why."""
    try:
        return records.read(), None
    except OperationError as error:
        return {}, str(error)
