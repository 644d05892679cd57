"""Encryption at rest of what must not be readable in the database or a copy of it."""

import base64
import binascii
import hashlib

from notification.ports.platform import Aead, Platform

KEY_BYTES = 32
_NONCE_BYTES = 12


def derive_key(text: str) -> bytes:
    """Return the 32-byte key for `ENCRYPT_KEY`: its UTF-8 bytes, padded with `0` or cut.

    Production refuses a text that needs padding or cutting (see `Settings.secret_weakness`).
    """
    return text.encode()[:KEY_BYTES].ljust(KEY_BYTES, b"0")


def key_id(key: bytes) -> str:
    """Return eight hex digits that name a key without revealing it."""
    return hashlib.sha256(b"key-id:" + key).hexdigest()[:8]


class SealedTextError(Exception):
    """None of the keys can read the stored text."""


class KeyRing:
    """Seals with the current key; opens with the current and the previous one.

    The sealed form is `enc:v2:<key id>:<base64 of nonce, ciphertext and tag>`, AES-256-GCM, bound
    to its place (table, row key, column). `enc:v1:<base64>` (no key id, no place) and clear JSON of
    older installations stay readable.
    """

    __slots__ = ("_aead", "_current", "_keys", "_randomness")

    def __init__(self, platform: Platform) -> None:
        settings = platform.settings
        self._aead: Aead = platform.aead
        self._randomness = platform.randomness
        texts = [t for t in (settings.encrypt_key, settings.encrypt_key_previous) if t]
        keys = [derive_key(text) for text in texts]
        self._keys = {key_id(key): key for key in keys}
        self._current = key_id(keys[0]) if keys else ""

    @property
    def current(self) -> str:
        """The id of the key that seals."""
        return self._current

    @property
    def prefix(self) -> str:
        """The start of everything that the current key has sealed."""
        return f"enc:v2:{self._current}:"

    async def seal(self, text: str, *place: str) -> str:
        """Return the sealed form of `text` at `place`."""
        nonce = self._randomness.token_bytes(_NONCE_BYTES)
        key = self._keys[self._current]
        sealed = await self._aead.seal(key, nonce, text.encode(), _bound_to(place))
        return f"{self.prefix}{base64.b64encode(nonce + sealed).decode()}"

    async def open(self, stored: str, *place: str) -> str:
        """Return the clear text.

        Raises:
            SealedTextError: no key opens it, or its form is unknown.
        """
        if stored.startswith("{"):
            return stored
        prefix, _, rest = stored.partition(":")
        version, _, rest = rest.partition(":")
        if prefix == "enc" and version == "v1":
            return await self._try_keys(list(self._keys.values()), rest, b"")
        if prefix == "enc" and version == "v2":
            kid, _, encoded = rest.partition(":")
            if kid in self._keys:
                return await self._try_keys([self._keys[kid]], encoded, _bound_to(place))
            raise SealedTextError(f"no key with id {kid[:8]}")
        raise SealedTextError("unknown form")

    async def _try_keys(self, keys: list[bytes], encoded: str, aad: bytes) -> str:
        try:
            blob = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise SealedTextError("not base64") from None
        nonce, sealed = blob[:_NONCE_BYTES], blob[_NONCE_BYTES:]
        for key in keys:
            try:
                return (await self._aead.open(key, nonce, sealed, aad)).decode()
            except ValueError:
                continue
        raise SealedTextError("no key opens it")


def _bound_to(place: tuple[str, ...]) -> bytes:
    return "\0".join(place).encode()
