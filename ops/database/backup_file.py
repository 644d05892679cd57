"""A backup on disk: the dump, packed and perhaps sealed, and beside it what it holds."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
from nacl import pwhash
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from localcloud.atomic_write import write_whole
from ops.database.table_sum import TableSum
from ops.stacks.errors import OperationError, UsageError

PASSPHRASE_VARIABLE = "NOTIFYCTL_BACKUP_PASSPHRASE"  # noqa: S105 - a name, not a passphrase
_FORMAT = 1
SEALED_SUFFIX = ".age"
_EARLIER_SEALED_SUFFIX = ".sealed"
_EARLIER_MAGIC = b"notification-backup-1\n"
_EARLIER_SALT_BYTES = pwhash.argon2id.SALTBYTES


@dataclass(frozen=True)
class BackupFile:
    """One backup: ``NAME-YYYYMMDDTHHMMSSZ.sql.gz`` (``.age``) and its ``.json``.

    A sealed one is a file of age with a passphrase, which ``age -d`` opens as well. Those that were
    sealed in the earlier form (``.sealed``) are still read.

    Attributes:
        path: the dump's file.
        stack: the stack that it was taken from.
        database_id: the database that it was taken from.
        schema_level: level of the schema in it.
        taken_at: when the export was asked for.
        tables: what each table holds.
        file_sha256: of the dump's file as it lies there.
        verified_at: when it was last loaded and compared; ``None`` if never.
    """

    path: Path
    stack: str
    database_id: str
    schema_level: int
    taken_at: datetime
    tables: Mapping[str, TableSum]
    file_sha256: str
    verified_at: datetime | None = None

    @property
    def is_sealed(self) -> bool:
        """Whether a passphrase is needed to read it."""
        return self.path.suffix in {SEALED_SUFFIX, _EARLIER_SEALED_SUFFIX}

    @property
    def manifest(self) -> Path:
        """The file that describes it."""
        return self.path.with_name(f"{self.path.name.partition('.')[0]}.json")

    @classmethod
    def read(cls, path: Path) -> BackupFile:
        """Read what is known of a backup, by the path of either of its files.

        Raises:
            UsageError: there is no such backup, or its description can't be read.
        """
        manifest = path.with_name(f"{path.name.partition('.')[0]}.json")
        try:
            found = json.loads(manifest.read_text(encoding="utf-8"))
            verified = found["verified_at"]
            return cls(
                path=manifest.with_name(Path(found["file"]).name),
                stack=found["stack"],
                database_id=found["database_id"],
                schema_level=int(found["schema_level"]),
                taken_at=datetime.fromisoformat(found["taken_at"]),
                tables={
                    name: TableSum(int(table["rows"]), table["sha256"])
                    for name, table in found["tables"].items()
                },
                file_sha256=found["file_sha256"],
                verified_at=datetime.fromisoformat(verified) if verified else None,
            )
        except FileNotFoundError:
            raise UsageError(
                f"There is no backup {path}: {manifest.name} is missing. "
                "'notifyctl db backup' takes one."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(
                f"{manifest} doesn't describe a backup. Use another one, or restore that file."
            ) from None

    def write(self, sql: bytes, passphrase: str | None) -> BackupFile:
        """Write both files, the description last: a backup without one doesn't exist."""
        # Without a time in it, the same dump packs to the same bytes.
        content = gzip.compress(sql, mtime=0)
        if passphrase is not None:
            content = pyrage.passphrase.encrypt(content, passphrase)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, content)
        written = replace(self, file_sha256=hashlib.sha256(content).hexdigest())
        written._describe()
        return written

    def content(self, passphrase: str | None) -> bytes:
        """Return the dump.

        Raises:
            UsageError: it is sealed and there is no passphrase, or a wrong one.
            OperationError: the file isn't the one that was written.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            raise UsageError(f"{self.path} is missing. Use another backup.") from None
        if hashlib.sha256(content).hexdigest() != self.file_sha256:
            raise OperationError(f"{self.path} was damaged or changed. Use another backup.")
        if self.is_sealed:
            content = _opened(content, passphrase, self.path)
        return gzip.decompress(content)

    def mark_verified(self, at: datetime) -> BackupFile:
        """Note that it was loaded and compared."""
        verified = replace(self, verified_at=at)
        verified._describe()
        return verified

    def document(self) -> dict[str, Any]:
        """As JSON: what ``NAME.json`` holds."""
        return {
            "format": _FORMAT,
            "file": self.path.name,
            "file_sha256": self.file_sha256,
            "sealed": self.is_sealed,
            "stack": self.stack,
            "database_id": self.database_id,
            "schema_level": self.schema_level,
            "taken_at": self.taken_at.isoformat(),
            "verified_at": self.verified_at.isoformat() if self.verified_at else None,
            "tables": {name: table.document() for name, table in sorted(self.tables.items())},
        }

    def _describe(self) -> None:
        write_whole(self.manifest, (json.dumps(self.document(), indent=2) + "\n").encode())


def now() -> datetime:
    """Return the time in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def _opened(content: bytes, passphrase: str | None, path: Path) -> bytes:
    if passphrase is None:
        raise UsageError(f"{path.name} is sealed. Put its passphrase into {PASSPHRASE_VARIABLE}.")
    try:
        if content.startswith(_EARLIER_MAGIC):
            return _opened_earlier_form(content, passphrase)
        return pyrage.passphrase.decrypt(content, passphrase)
    except (pyrage.DecryptError, CryptoError, ValueError):
        raise UsageError(
            f"The passphrase in {PASSPHRASE_VARIABLE} doesn't open {path.name}."
        ) from None


def _opened_earlier_form(content: bytes, passphrase: str) -> bytes:
    """Open libsodium's secret box, whose key is Argon2id's with the moderate limits."""
    salt_end = len(_EARLIER_MAGIC) + _EARLIER_SALT_BYTES
    key = pwhash.argon2id.kdf(
        SecretBox.KEY_SIZE,
        passphrase.encode(),
        content[len(_EARLIER_MAGIC) : salt_end],
        opslimit=pwhash.argon2id.OPSLIMIT_MODERATE,
        memlimit=pwhash.argon2id.MEMLIMIT_MODERATE,
    )
    return SecretBox(key).decrypt(content[salt_end:])
