"""Pulumi's passphrase secrets provider, version 1.

Key: PBKDF2-HMAC-SHA256, 1,000,000 rounds, 32 bytes, 8 bytes of salt. Value: AES-256-GCM with a
12 byte nonce and no extra data, written ``v1:NONCE64:CIPHERTEXT64``. The salt state is
``v1:SALT64:`` followed by the encrypted word ``pulumi``, which proves the passphrase
(pulumi/pulumi pkg/secrets/passphrase).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os
from contextlib import suppress
from pathlib import Path

from engine.errors import StateUnreadable, WrongPassphrase
from localcloud.atomic_write import write_whole

_ROUNDS = 1_000_000
_PROOF = "pulumi"


class PassphraseSecrets:
    """Encrypts and decrypts with the key of one salt and one passphrase.

    Raises ``WrongPassphrase`` where the passphrase does not open the salt, ``StateUnreadable``
    where the salt is not in Pulumi's form. Making one costs about 0.4 s of CPU, once per process.

    Args:
        salt: the salt state, with its proof.
        passphrase: what the key is derived from.
        key_file: keeps the derived key for the next process. Only for a passphrase that lies
            beside it in clear, since a key on disk opens as much as the passphrase does.
    """

    def __init__(self, salt: str, passphrase: str, *, key_file: Path | None = None) -> None:
        parts = salt.split(":", 2)
        if len(parts) != 3 or parts[0] != "v1":
            raise StateUnreadable(
                "The encryption salt is not of the passphrase provider's form v1: "
                "set encryptionsalt in the config file to the one its secrets were made with."
            )
        self.salt = salt
        self._key = (
            _derive_key(_decode(parts[1]), passphrase)
            if key_file is None
            else _kept_key(_decode(parts[1]), passphrase, key_file)
        )
        if self.decrypt(parts[2]) != _PROOF:
            raise WrongPassphrase("The passphrase does not belong to this stack.")

    def encrypt(self, plaintext: str) -> str:
        """``plaintext`` as a new ``v1:`` ciphertext; never the same twice."""
        return _encrypt(self._key, plaintext)

    def decrypt(self, ciphertext: str) -> str:
        """The text inside a ``v1:`` ciphertext; raises ``WrongPassphrase`` where it won't open."""
        # Imported late: a third of a second of the engine's start would go into it otherwise.
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        parts = ciphertext.split(":")
        if len(parts) != 3 or parts[0] != "v1":
            raise _malformed("is not of the form v1:NONCE:TEXT")
        try:
            opened = AESGCM(self._key).decrypt(_decode(parts[1]), _decode(parts[2]), None)
        except ValueError:  # The nonce has a length that AES-GCM doesn't have.
            raise _malformed("is too short") from None
        except InvalidTag:
            raise WrongPassphrase(
                "The passphrase is wrong for this stack, or its secrets were made with another "
                "encryption salt: give the passphrase that the stack was created with."
            ) from None
        return opened.decode()


def new_encryption_salt(passphrase: str) -> str:
    """A fresh salt state for ``encryptionsalt`` in a stack's config file."""
    salt = os.urandom(8)
    proof = _encrypt(_derive_key(salt, passphrase), _PROOF)
    return f"v1:{base64.b64encode(salt).decode()}:{proof}"


def encrypt_config_value(value: str, *, passphrase: str, salt: str) -> str:
    """The ciphertext to put under ``secure`` in a stack's config file."""
    return PassphraseSecrets(salt, passphrase).encrypt(value)


@functools.lru_cache(maxsize=8)
def _derive_key(salt: bytes, passphrase: str) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", _bytes(passphrase), salt, _ROUNDS, 32)


def _kept_key(salt: bytes, passphrase: str, file: Path) -> bytes:
    """The key in ``file`` where it is this salt's and this passphrase's, else a derived one."""
    with suppress(OSError, ValueError):
        tag, _, kept = file.read_text(encoding="ascii").strip().partition(" ")
        key = bytes.fromhex(kept)
        if hmac.compare_digest(tag, _tag(salt, passphrase, key)):
            return key
    key = _derive_key(salt, passphrase)
    with suppress(OSError):  # It is only kept: without a place for it the next process derives.
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, f"{_tag(salt, passphrase, key)} {key.hex()}\n")
    return key


def _tag(salt: bytes, passphrase: str, key: bytes) -> str:
    """What a kept key belongs to, and that it is whole."""
    return hmac.new(key, salt + _bytes(passphrase), hashlib.sha256).hexdigest()


def _encrypt(key: bytes, plaintext: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(12)
    sealed = AESGCM(key).encrypt(nonce, plaintext.encode(), None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise _malformed("is not valid base64") from None


def _malformed(what: str) -> StateUnreadable:
    return StateUnreadable(
        f"A secret in the stack's files {what}; restore the file from its backup."
    )


def _bytes(passphrase: str) -> bytes:
    """Those of the environment, whatever their encoding: the CLI takes them so too."""
    return passphrase.encode(errors="surrogateescape")
