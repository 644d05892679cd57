"""New secrets in the forms that the settings require."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from infra.settings.key_dates import KeyDates, key_fingerprint
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
    secrets: Mapping[str, str], *, today: date, recorded: Mapping[str, str]
) -> dict[str, str | dict[str, str] | None]:
    """Return the ordinary settings that date secrets.

    Args:
        secrets: the secrets in clear, by their settings.
        today: the day on which they were set.
        recorded: the fingerprints that the file has already.

    Returns:
        The settings by their keys; ``None`` for one that has another key now.

    Raises:
        UsageError: the age of a secret isn't kept: no setting dates it.
    """
    if strange := [key for key in secrets if key not in GENERATED]:
        raise UsageError(
            f"{', '.join(strange)} has no date of its own. Choose from {', '.join(GENERATED)}."
        )
    kept = dict(recorded)
    kept |= {key: key_fingerprint(key, secret) for key, secret in secrets.items()}
    return {
        **{f"{key}SetOn": today.isoformat() for key in secrets},
        "keyFingerprints": dict(sorted(kept.items())),
        "keyPrints": None,
    }
