"""The key pair of the repository and of each environment, for which clients seal secrets."""

from __future__ import annotations

import base64
import binascii
import secrets

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from localcloud.database import Database
from localcloud.github.error import GithubError


class KeyRing:
    """One X25519 key pair for each scope, made when it is first asked for and kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def public_key(self, scope: int) -> tuple[str, str]:
        """(key id, public key in base64)."""
        key_id, private = self._pair(scope)
        return key_id, base64.b64encode(bytes(private.public_key)).decode()

    def opened(self, scope: int, key_id: str, sealed: str) -> tuple[bytes, bytes]:
        """(the box's bytes, its plain text) of a libsodium sealed box in base64.

        Raises GithubError(422) where it is for another key or is no box at all.
        """
        known, private = self._pair(scope)
        if key_id != known:
            raise GithubError(422, "Bad request - key_id doesn't match the public key")
        try:
            box = base64.b64decode(sealed, validate=True)
        except (binascii.Error, ValueError) as error:
            text = "Invalid request.\n\nencrypted_value is not in base64."
            raise GithubError(422, text) from error
        try:
            return box, SealedBox(private).decrypt(box)
        except (CryptoError, ValueError, TypeError) as error:
            text = "Bad request - validation failed due to an improperly encrypted secret"
            raise GithubError(422, text) from error

    def _pair(self, scope: int) -> tuple[str, PrivateKey]:
        with self._database.transaction():
            row = self._database.row("SELECT * FROM github_keys WHERE scope = ?", scope)
            if row is not None:
                return str(row["key_id"]), PrivateKey(row["private_key"])
            key_id = str(secrets.randbelow(9 * 10**17) + 10**17)
            private = PrivateKey.generate()
            sql = "INSERT INTO github_keys VALUES (?, ?, ?)"
            self._database.execute(sql, scope, key_id, bytes(private))
            return key_id, private
