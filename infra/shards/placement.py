"""Which database has a recipient's rows."""

import hashlib


def shard_of(user_id: str, shards: int) -> int:
    """Return the number of the database that has a recipient's rows, from 0.

    From N to N + 1 databases one recipient in N + 1 moves, and always to the new one. The Worker
    has the same function: both are held to the same values by a test.

    Source: Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm" (2014).
    """
    key = int.from_bytes(hashlib.sha256(user_id.encode()).digest()[:8], "big")
    found, following = 0, 0
    while following < shards:
        found = following
        key = (key * 2862933555777941757 + 1) & 0xFFFF_FFFF_FFFF_FFFF
        following = int((found + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return found
