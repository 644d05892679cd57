"""Which of several databases holds a user."""

import hashlib
import json
from typing import NamedTuple

from notification.identity import MAX_SHARDS

KEY = "shards"
"""The key of the record in `system_configs` of the first database."""
_MULTIPLIER = 2862933555777941757
_MASK = (1 << 64) - 1


def shard_of(user_id: str, n: int) -> int:
    """Return the shard of a user among `n`: from `n` to `n + 1` one user in `n + 1` moves.

    Jump consistent hash (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm",
    2014) over the first 64 bits of the id's SHA-256.
    """
    key = int.from_bytes(hashlib.sha256(user_id.encode()).digest()[:8], "big")
    shard, following = -1, 0
    while following < n:
        shard = following
        key = (key * _MULTIPLIER + 1) & _MASK
        following = int((shard + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return shard


class Placement(NamedTuple):
    """Over how many databases the users are spread.

    Attributes:
        n: the number.
        moving_to: the number that a move under way leads to.
    """

    n: int = 1
    moving_to: int | None = None

    def shard(self, user_id: str) -> int:
        """Return the shard of a user."""
        return shard_of(user_id, self.n)

    def moves(self, user_id: str) -> bool:
        """Return whether a move under way takes the user to another shard."""
        return self.moving_to is not None and self.shard(user_id) != shard_of(
            user_id, self.moving_to
        )

    def text(self) -> str:
        """Return the record."""
        return json.dumps({"n": self.n, "moving_to": self.moving_to})


def parse_placement(text: str) -> Placement:
    """Parse the record; empty text, where there is none, means one database.

    Raises:
        ValueError: it is malformed.
    """
    if not text:
        return Placement()
    try:
        found = json.loads(text)
        if set(found) != {"n", "moving_to"} or not _is_number(found["n"]):
            raise ValueError
        if found["moving_to"] is not None and not _is_number(found["moving_to"]):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise ValueError(
            f'The setting {KEY!r} must be like {{"n": 2, "moving_to": null}}, with numbers from 1'
            f" to {MAX_SHARDS}"
        ) from None
    return Placement(found["n"], found["moving_to"])


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SHARDS
