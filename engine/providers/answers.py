"""Answers of the providers' APIs that aren't of the documented form."""

from __future__ import annotations

from typing import Any, TypeGuard

from engine.errors import ProviderError


def malformed(api: str, method: str, path: str) -> ProviderError:
    """Return the error that names the call; a query stays out of it."""
    return ProviderError(
        f"{api}'s answer to {method} {path.split('?')[0]} isn't of the documented form: see that "
        "nothing stands between this machine and the API, and try again"
    )


def are_objects(found: object) -> TypeGuard[list[dict[str, Any]]]:
    """Say whether this is a list of JSON objects."""
    return isinstance(found, list) and all(isinstance(item, dict) for item in found)
