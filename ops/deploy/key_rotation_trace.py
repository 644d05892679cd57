"""What a stack's releases tell of a rotation: both keys hold, or the old one was retired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_snake

from ops.deploy.release.release import Release


class RotationTrace:
    """The predecessors of keys in the stack's outputs, by their fingerprints.

    Args:
        outputs: the stack's outputs.
        keys: the settings of the secrets that are asked about.
    """

    def __init__(self, outputs: Mapping[str, Any], keys: Sequence[str]) -> None:
        self._keys = keys
        self._declared = (outputs.get("release") or {}).get("secret_fingerprints") or {}
        self._releases = [Release.of_entry(entry) for entry in outputs.get("releases") or []]

    @property
    def overlapping(self) -> list[str]:
        """The keys whose predecessor is deployed.

        A deployment that failed half-way has declared what it was to be: the newest release on the
        list is the one that was completed.
        """
        completed = self._releases[0].fingerprints if self._releases else {}
        return self._with_predecessor({*self._declared, *completed})

    @property
    def retired(self) -> list[str]:
        """The keys whose predecessor was deployed once and isn't any more."""
        known = {name for release in self._releases for name in release.fingerprints}
        overlapping = self.overlapping
        return [key for key in self._with_predecessor(known) if key not in overlapping]

    @property
    def retired_at(self) -> str:
        """When the last of ``retired`` lost its predecessor, ISO-8601 in UTC; empty without any."""
        retired = {_predecessor(key) for key in self.retired}
        after = ""
        for release in self._releases:
            if retired & release.fingerprints.keys():
                return after
            after = release.at
        return ""

    def _with_predecessor(self, secrets: Iterable[str]) -> list[str]:
        names = set(secrets)
        return [key for key in self._keys if _predecessor(key) in names]


def _predecessor(key: str) -> str:
    # A release names secrets as the Worker does: api_secret_key.
    return f"{to_snake(key)}_previous"
