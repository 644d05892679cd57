"""The tokens of asset uploads: JSON Web Tokens (RFC 7519), signed with HMAC-SHA256 (RFC 7515)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Literal

from localcloud.clock import VirtualClock
from localcloud.database import Database

LIFETIME_MS = 3_600_000  # an hour, as Cloudflare gives
Purpose = Literal["upload", "complete"]
_KEY = "asset_token_key"
_HEADER = {"alg": "HS256", "typ": "JWT"}


class InvalidAssetToken(Exception):
    """It isn't one of ours, is for something else, or has expired."""


class AssetTokens:
    """Issues and reads them; the key is durable, so that a restart doesn't cut uploads off."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self._clock = clock
        key = database.setting(_KEY)
        if key is None:
            key = secrets.token_hex(32)
            database.set_setting(_KEY, key)
        self._key = bytes.fromhex(key)

    def issue(self, session: str, purpose: Purpose, expires_ms: int) -> str:
        """A token for the session with this id; `expires_ms` since 1970."""
        claims = {"session": session, "purpose": purpose, "exp": expires_ms // 1000}
        signed = f"{_encode(_json(_HEADER))}.{_encode(_json(claims))}"
        return f"{signed}.{_encode(self._signature(signed))}"

    def session(self, token: str, purpose: Purpose) -> str:
        """The id of the session that the token is for. Raises InvalidAssetToken."""
        signed, _, signature = token.rpartition(".")
        try:
            right = hmac.compare_digest(_decode(signature), self._signature(signed))
            claims = json.loads(_decode(signed.partition(".")[2])) if right else {}
        except (ValueError, binascii.Error) as error:
            raise InvalidAssetToken("The assets token is malformed.") from error
        if not right or claims.get("purpose") != purpose:
            raise InvalidAssetToken("The assets token isn't valid for this call.")
        if claims["exp"] * 1000 <= self._clock.now_ms():
            raise InvalidAssetToken("The assets token has expired: start another upload session.")
        return str(claims["session"])

    def _signature(self, signed: str) -> bytes:
        return hmac.digest(self._key, signed.encode(), hashlib.sha256)


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
