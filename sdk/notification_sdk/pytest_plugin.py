"""Fixtures for tests of programs that send notifications: no network, no waiting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from notification_sdk import AsyncNotificationClient, NotificationClient
from notification_sdk.testing import FakeNotificationService


@pytest.fixture
def notification_service() -> FakeNotificationService:
    """Give a service in memory, empty at the start of each test."""
    return FakeNotificationService()


@pytest.fixture
def notification_client(
    notification_service: FakeNotificationService,
) -> Iterator[NotificationClient]:
    """Give a sync client of `notification_service`."""
    with notification_service.client() as client:
        yield client


@pytest.fixture
def async_notification_client(
    notification_service: FakeNotificationService,
) -> AsyncNotificationClient:
    """Give an async client of `notification_service`. It holds no connection that needs closing."""
    return notification_service.async_client()
