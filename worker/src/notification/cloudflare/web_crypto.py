"""AES-256-GCM through the runtime's Web Crypto."""

from typing import Any

import js
from pyodide.ffi import JsException, to_js

_NAME = "AES-GCM"


def _subtle() -> Any:
    """Return `crypto.subtle` of the object itself.

    A runtime that is taking its memory snapshot returns globals through proxies, on which this
    accessor refuses to work; the property's descriptor holds the object.
    """
    return js.Object.getOwnPropertyDescriptor(js.globalThis, "crypto").value.subtle


def _parameters(nonce: bytes, aad: bytes) -> Any:
    return js.Object.fromEntries(
        to_js([["name", _NAME], ["iv", to_js(nonce)], ["additionalData", to_js(aad)]])
    )


class WebCryptoAead:
    """Encrypts with AES-256-GCM. Imported keys are kept: an import costs as much as a use."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[bytes, Any] = {}

    async def _key(self, key: bytes) -> Any:
        imported = self._keys.get(key)
        if imported is None:
            imported = await _subtle().importKey(
                "raw", to_js(key), _NAME, False, to_js(["encrypt", "decrypt"])
            )
            self._keys[key] = imported
        return imported

    async def seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Return ciphertext and tag."""
        handle = await self._key(key)
        sealed = await _subtle().encrypt(_parameters(nonce, aad), handle, to_js(plaintext))
        return bytes(sealed.to_bytes())

    async def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            ValueError: key, nonce, tag or `aad` don't match.
        """
        handle = await self._key(key)
        try:
            plain = await _subtle().decrypt(_parameters(nonce, aad), handle, to_js(sealed))
        except JsException:
            raise ValueError("the ciphertext does not belong to this key and place") from None
        return bytes(plain.to_bytes())
