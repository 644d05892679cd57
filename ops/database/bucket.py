"""Backups in an R2 bucket of the stack's account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from ops.database.backup_file import BackupFile
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError, UsageError

if TYPE_CHECKING:
    from cloudflare import Cloudflare

_CHUNK = 1 << 20
MAX_BYTES = 300 * 1024 * 1024
"""What the API takes in one upload (Cloudflare API reference, R2, "Upload Object")."""


@dataclass(frozen=True)
class BackupBucket:
    """One bucket; a backup's two files are objects under the stack's name.

    Attributes:
        account: where the bucket lies.
        name: the bucket's name.
    """

    account: StackAccount
    name: str

    def put(self, backup: BackupFile) -> tuple[str, ...]:
        """Upload both files, the description last, and return their keys.

        Raises:
            UsageError: the dump is larger than the API takes.
            OperationError: the upload was refused.
        """
        if backup.path.stat().st_size > MAX_BYTES:
            raise UsageError(
                f"{backup.path} is larger than 300 MB, which one upload to R2 by this API may be. "
                "The file stays where it is; upload it by an S3 client."
            )
        return tuple(self._upload(path) for path in (backup.path, backup.manifest))

    def get(self, name: str, folder: Path) -> BackupFile:
        """Download the backup ``NAME`` (without its endings) into a folder.

        Raises:
            UsageError: the name is a path, or what was downloaded is no backup.
            OperationError: there is no such object, or the download was refused or broke off.
        """
        if name in ("", "..") or Path(name).name != name:
            raise UsageError(f"'{name}' is no name of a backup: give it without a folder.")
        folder.mkdir(parents=True, exist_ok=True)
        manifest = folder / f"{name}.json"
        self._download(manifest)
        backup = BackupFile.read(manifest)
        self._download(backup.path)
        return backup

    def names(self) -> tuple[str, ...]:
        """Return the stack's backups in the bucket, oldest first."""
        prefix = f"{self.account.stack}/"
        found = self.account.ask(
            f"list the bucket {self.name}",
            lambda client: [
                one.key or ""
                for one in client.r2.buckets.objects.list(
                    self.name, account_id=self.account.account_id, prefix=prefix
                )
            ],
        )
        return tuple(
            key.removeprefix(prefix).removesuffix(".json")
            for key in sorted(found)
            if key.endswith(".json")
        )

    def _upload(self, path: Path) -> str:
        key = self._key(path)
        self.account.ask(
            f"store {path.name} in the bucket {self.name}",
            lambda client: client.r2.buckets.objects.upload(
                key,
                _Chunks(path),
                account_id=self.account.account_id,
                bucket_name=self.name,
                extra_headers={"Content-Length": str(path.stat().st_size)},
            ),
        )
        return key

    def _download(self, path: Path) -> None:
        def download(client: Cloudflare) -> None:
            with client.r2.buckets.objects.with_streaming_response.get(
                self._key(path), account_id=self.account.account_id, bucket_name=self.name
            ) as answer:
                path.touch(mode=0o600)
                path.chmod(0o600)
                answer.stream_to_file(path)

        what = f"read {path.name} from the bucket {self.name}"
        try:
            self.account.ask(what, download)
        except httpx.HTTPError:
            # The client knows an error of the call, and none of the stream that follows it.
            path.unlink(missing_ok=True)
            raise OperationError(f"The call to {what} broke off. Try again.") from None

    def _key(self, path: Path) -> str:
        return f"{self.account.stack}/{path.name}"


@dataclass(frozen=True)
class _Chunks:
    """A file's content in parts, from its beginning whenever the client tries again."""

    path: Path

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
