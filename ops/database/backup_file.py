"""A backup on disk: the dump, packed and perhaps sealed, and beside it what it holds."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from nacl import pwhash
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from localcloud.atomic_write import write_whole
from ops.database.age_file import NotOpened, seal, unseal
from ops.database.table_sum import TableSum
from ops.stacks.errors import OperationError, UsageError

PASSPHRASE_VARIABLE = "NOTIFYCTL_BACKUP_PASSPHRASE"  # noqa: S105 - a name, not a passphrase
_FORMAT = 1
SEALED_SUFFIX = ".age"
_EARLIER_SEALED_SUFFIX = ".sealed"
_EARLIER_MAGIC = b"notification-backup-1\n"
_CHUNK = 1 << 20
_WORKING = ".unpacked-"
_STALE_SECONDS = 24 * 3600
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
        return manifest_of(self.path)

    @classmethod
    def read(cls, path: Path) -> BackupFile:
        """Read what is known of a backup, by the path of either of its files.

        Raises:
            UsageError: there is no such backup, or its description can't be read.
        """
        manifest = manifest_of(path)
        try:
            found = json.loads(manifest.read_text(encoding="utf-8"))
            verified = found["verified_at"]
            read = cls(
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
            for at in (read.taken_at, read.verified_at):
                if at is not None and at.tzinfo is None:
                    raise ValueError("a time without an offset can't be compared with another")
            return read
        except FileNotFoundError:
            raise UsageError(
                f"There is no backup {path}: {manifest.name} is missing. "
                "'notifyctl db backup' takes one."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(
                f"{manifest} doesn't describe a backup. Use another one, or restore that file."
            ) from None
        except OSError as error:
            raise UsageError(f"{manifest} can't be read: {error.strerror}.") from None

    def write(self, sql: Path, passphrase: str | None) -> BackupFile:
        """Write both files, the description last: a backup without one doesn't exist.

        Args:
            sql: the dump; it is packed as a stream.
            passphrase: seals it, if given. Its key takes 128 MiB of memory for half a second,
                whatever the dump's size.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        packed = self.path.with_name(f".{self.path.name}.new")
        sealed = packed.with_suffix(".sealed")
        try:
            with (
                sql.open("rb") as source,
                _written(packed) as file,
                # Without a time in it, the same dump packs to the same bytes.
                gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as target,
            ):
                shutil.copyfileobj(source, target, _CHUNK)
            if passphrase is not None:
                with packed.open("rb") as source, _written(sealed) as file:
                    seal(source, file, passphrase)
                sealed.replace(packed)
            written = replace(self, file_sha256=_sha256(packed))
            packed.replace(self.path)
        finally:
            packed.unlink(missing_ok=True)
            sealed.unlink(missing_ok=True)
        written._describe()
        return written

    def unpack(self, to: Path, passphrase: str | None) -> None:
        """Write the dump into a file.

        Raises:
            UsageError: it is sealed and there is no passphrase, or a wrong one.
            OperationError: the file isn't the one that was written.
        """
        try:
            found = _sha256(self.path)
        except FileNotFoundError:
            raise UsageError(f"{self.path} is missing. Use another backup.") from None
        if found != self.file_sha256:
            raise OperationError(f"{self.path} was damaged or changed. Use another backup.")
        if not self.is_sealed:
            _unpack(self.path, to)
            return
        packed = to.with_name(f"{to.name}.gz")
        try:
            with self.path.open("rb") as source, _private(packed) as target:
                _unseal(source, target, passphrase, self.path.name)
            _unpack(packed, to)
        finally:
            packed.unlink(missing_ok=True)

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


def manifest_of(path: Path) -> Path:
    """Return the file that describes a backup, by either of its files."""
    return path.with_name(f"{path.name.partition('.')[0]}.json")


@contextmanager
def working_folder(beside: Path) -> Iterator[Path]:
    """Give a folder that only its owner reads, for plain dumps; it is gone at the end.

    Args:
        beside: the folder of the backups; its disk has room for a dump.
    """
    beside.mkdir(parents=True, exist_ok=True)
    for left in beside.glob(f"{_WORKING}*"):  # by a run that was killed
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=_WORKING, dir=beside) as folder:
        yield Path(folder)


def now() -> datetime:
    """Return the time in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def _private(path: Path) -> IO[bytes]:
    """Open a file for writing that only its owner reads."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


@contextmanager
def _written(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that only its owner reads; it is on the disk at the end."""
    with _private(path) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(packed: Path, to: Path) -> None:
    with gzip.open(packed) as source, _private(to) as target:
        shutil.copyfileobj(source, target, _CHUNK)


def _unseal(source: IO[bytes], target: IO[bytes], passphrase: str | None, name: str) -> None:
    if passphrase is None:
        raise UsageError(f"{name} is sealed. Put its passphrase into {PASSPHRASE_VARIABLE}.")
    try:
        if source.read(len(_EARLIER_MAGIC)) == _EARLIER_MAGIC:
            target.write(_opened_earlier_form(source.read(), passphrase))
            return
        source.seek(0)
        unseal(source, target, passphrase)
    except (NotOpened, CryptoError, ValueError):
        raise UsageError(f"The passphrase in {PASSPHRASE_VARIABLE} doesn't open {name}.") from None


def _opened_earlier_form(content: bytes, passphrase: str) -> bytes:
    """Open what follows the first line: libsodium's box, with Argon2id's moderate limits.

    It is sealed as a whole, so that it is read as a whole.
    """
    key = pwhash.argon2id.kdf(
        SecretBox.KEY_SIZE,
        passphrase.encode(),
        content[:_EARLIER_SALT_BYTES],
        opslimit=pwhash.argon2id.OPSLIMIT_MODERATE,
        memlimit=pwhash.argon2id.MEMLIMIT_MODERATE,
    )
    return SecretBox(key).decrypt(content[_EARLIER_SALT_BYTES:])
