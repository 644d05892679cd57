"""Functions that wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Sleep = Callable[[float], None]
AsyncSleep = Callable[[float], Awaitable[object]]
