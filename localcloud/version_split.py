"""Choosing the version for one piece of work, by the shares of the deployment."""

from __future__ import annotations

import random
from collections.abc import Sequence


def draw(split: Sequence[tuple[str, float]], chance: random.Random) -> str:
    """One version id of `split` (id, percentage). Raises LookupError where there is none."""
    if not split:
        raise LookupError("The Worker has no deployment.")
    identifiers = [identifier for identifier, _ in split]
    shares = [percentage for _, percentage in split]
    return chance.choices(identifiers, weights=shares)[0]
