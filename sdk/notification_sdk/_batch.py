"""The outcome of many sends."""

from __future__ import annotations

from dataclasses import dataclass

from notification_sdk._errors import NotificationError
from notification_sdk._notification import NotificationRequest, SendResponse


@dataclass(frozen=True, kw_only=True)
class BatchItem:
    """One request of a batch with its answer, its error, or neither where it was skipped."""

    request: NotificationRequest
    response: SendResponse | None = None
    error: NotificationError | None = None


@dataclass(frozen=True)
class BatchOutcome:
    """All requests of a batch, in the order given."""

    items: tuple[BatchItem, ...]

    @property
    def responses(self) -> tuple[SendResponse, ...]:
        """The answers of the requests that the service took."""
        return tuple(item.response for item in self.items if item.response is not None)

    @property
    def failed(self) -> tuple[BatchItem, ...]:
        """The requests that the service refused or didn't answer."""
        return tuple(item for item in self.items if item.error is not None)

    @property
    def skipped(self) -> tuple[BatchItem, ...]:
        """The requests that weren't made: one before them failed."""
        return tuple(item for item in self.items if item.error is None and item.response is None)
