"""New secrets in the forms that the settings require."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date

from infra.settings.key_dates import KeyDates, key_print
from infra.settings.reference import own_fields
from ops.stacks.errors import UsageError
from ops.stacks.local_stack import new_secret

REQUIRED = ("apiSecretKey", "encryptKey")
GENERATED = tuple(
    key.removesuffix("SetOn") for key in own_fields(KeyDates) if key.endswith("SetOn")
)
"""Every secret whose age is kept: those that are random."""

ROTATED = REQUIRED
"""Secrets of which the service takes today's and the one before it."""


def generate(keys: Iterable[str] = REQUIRED) -> dict[str, str]:
    """Return a new random secret for each key.

    Raises:
        UsageError: a key is no secret that can be made.
    """
    made = {}
    for key in keys:
        if key not in GENERATED:
            raise UsageError(f"{key} can't be generated. Choose from {', '.join(GENERATED)}.")
        made[key] = new_secret(key)
    return made


def record_of(
    secrets: Mapping[str, str], *, today: date, prints: object
) -> dict[str, str | dict[str, str]]:
    """Return the ordinary settings that date these secrets, ``prints`` being the recorded ones."""
    if isinstance(prints, str):
        prints = json.loads(prints)
    kept = dict(prints) if isinstance(prints, Mapping) else {}
    kept |= {key: key_print(key, secret) for key, secret in secrets.items()}
    return {
        **{f"{key}SetOn": today.isoformat() for key in secrets},
        "keyPrints": dict(sorted(kept.items())),
    }
