"""A caller of the service: how it signs, and what it is answered."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

API_KEY = "an-api-secret-of-forty-characters-or-so!"


@dataclass(frozen=True)
class Answer:
    """What the service answered."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The error code."""
        return str(self.json["code"])


def signature(
    method: str, target: str, body: bytes, *, now_ms: int, key: str = API_KEY, version: int = 1
) -> dict[str, str]:
    """The headers of a signed request, worked out independently of the service."""
    timestamp = str(now_ms)
    if version == 2:
        digest = hashlib.sha256(body).hexdigest()
        text = "\n".join([timestamp, method, target, digest]).encode()
    elif method in ("GET", "HEAD", "DELETE"):
        text = (timestamp + target).encode()
    else:
        text = timestamp.encode() + body
    signed = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
    headers = {"x-timestamp": timestamp, "x-signature": signed}
    return headers | ({"x-signature-version": "2"} if version == 2 else {})
