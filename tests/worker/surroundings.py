"""The service's surroundings, in memory and repeatable: clock, randomness, cache, log sink."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class VirtualClock:
    """A clock that stands still until it is moved; sleeping moves it."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms

    async def sleep(self, ms: int) -> None:
        self.ms += ms
        await asyncio.sleep(0)


class SeededRandomness:
    """Random bytes that are the same in every run of a test."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 - tests must be repeatable

    def token_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class PythonAead:
    """AES-GCM of the library `cryptography`."""

    async def seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        return AESGCM(key).encrypt(nonce, plaintext, aad)

    async def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        try:
            return AESGCM(key).decrypt(nonce, sealed, aad)
        except InvalidTag:
            raise ValueError("does not belong") from None


class MemoryCache:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.values.get(key)

    async def put(self, key: str, value: str, *, ttl_s: int) -> None:
        self.values[key] = value

    async def delete(self, key: str) -> None:
        self.values.pop(key, None)

    async def count(self) -> int:
        return len(self.values)


class MemoryLogSink:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.texts: list[str] = []

    def write(self, level: str, line: str) -> None:
        self.lines.append(json.loads(line))
        self.texts.append(line)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The lines of one type."""
        return [line for line in self.lines if line.get("type") == kind]


class MemoryPoints:
    """The points of a data set, in order."""

    def __init__(self) -> None:
        self.points: list[tuple[list[str], list[float]]] = []

    def write(self, texts: Sequence[str], numbers: Sequence[float]) -> None:
        self.points.append((list(texts), list(numbers)))


class CountingLimiter:
    """Lets `most` calls per key pass."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.counts: dict[str, int] = {}

    async def allows(self, key: str) -> bool:
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key] <= self.most
