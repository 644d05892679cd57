"""One migration as the bundle carries it."""

from typing import NamedTuple


class Migration(NamedTuple):
    """A forward migration; `sha256` is of its file, `statements` is what the file holds.

    `min_code` and `max_code` are the oldest and newest code levels that work on the schema after
    it; a code's level is that of the newest migration it came with.
    """

    name: str
    level: int
    sha256: str
    min_code: int
    max_code: int
    statements: tuple[str, ...]
