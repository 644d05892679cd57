"""What arrives from a queue."""

from typing import Any, Protocol


class IncomingMessage(Protocol):
    """One message of a batch. What is neither acknowledged nor retried counts as acknowledged."""

    body: Any
    """Parsed JSON, or text where it is none."""
    attempts: int

    def acknowledge(self) -> None:
        """It is settled; never deliver it again."""
        ...

    def retry(self, delay_s: int) -> None:
        """Deliver it again after `delay_s` seconds."""
        ...
