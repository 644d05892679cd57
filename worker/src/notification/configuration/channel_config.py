"""A recipient's configuration of one channel."""

from typing import Any, NamedTuple


class ChannelConfig(NamedTuple):
    """As read from its row. `config` is None where the stored text can't be read."""

    id: int
    revision: int
    user_id: str
    channel: str
    is_active: bool
    created_at: str
    updated_at: str
    config: dict[str, Any] | None
