"""Notifications that most programs send: ``client.presets``.

Each sends a template whose key its method names; make those templates first. Without ``channels``,
a preset chooses among the user's active ones. A status, event, severity or period that isn't in its
type is a `ValueError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol, get_args

from notification_sdk._arguments import known
from notification_sdk._channel_selector import Priority
from notification_sdk._notification import CustomContent, SendResponse, as_channels

OrderStatus = Literal["pending", "processing", "shipped", "delivered", "cancelled"]
SecurityEvent = Literal["login", "password_change", "suspicious_activity"]
Severity = Literal["info", "warning", "error", "critical"]
Period = Literal["daily", "weekly", "monthly"]

_ALERT_CHANNELS: Mapping[str, tuple[str, ...]] = {
    "info": ("webhook",),
    "warning": ("webhook", "lark"),
    "error": ("webhook", "lark", "telegram"),
    "critical": ("webhook", "lark", "telegram", "slack"),
}


class AsyncPresetSender(Protocol):
    """What presets send with."""

    async def send_notification(
        self,
        user_id: str,
        channels: Iterable[str | Sequence[str]] | None = None,
        *,
        template_key: str | None = None,
        variables: Mapping[str, Any] | None = None,
        custom_content: CustomContent | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> SendResponse:
        """Send one notification."""

    async def select_channels(
        self,
        user_id: str,
        *,
        priority: Priority = "normal",
        preferred: Iterable[str] = (),
        max_channels: int = 2,
    ) -> tuple[str, ...]:
        """Choose among a user's active channels."""


class AsyncPresets:
    """Sends the usual notifications."""

    def __init__(self, client: AsyncPresetSender) -> None:
        self._client = client

    async def welcome(
        self,
        user_id: str,
        name: str,
        extra: Mapping[str, Any] | None = None,
        *,
        channels: Iterable[str] | None = None,
    ) -> SendResponse:
        """Send ``welcome``: name and what ``extra`` adds."""
        return await self._send(
            user_id, "welcome", {**(extra or {}), "name": name}, channels, "normal"
        )

    async def password_reset(
        self,
        user_id: str,
        link: str,
        expires_in: str = "24 hours",
        *,
        channels: Iterable[str] | None = None,
    ) -> SendResponse:
        """Send ``password_reset``: reset_link, expires_in."""
        variables = {"reset_link": link, "expires_in": expires_in}
        return await self._send(user_id, "password_reset", variables, channels, "transactional")

    async def order_update(
        self,
        user_id: str,
        order_id: str,
        status: OrderStatus,
        details: Mapping[str, Any] | None = None,
        *,
        channels: Iterable[str] | None = None,
    ) -> SendResponse:
        """Send ``order_<status>``: order_id, status and what ``details`` adds."""
        known("status", status, get_args(OrderStatus))
        variables = {**(details or {}), "order_id": order_id, "status": status}
        return await self._send(user_id, f"order_{status}", variables, channels, "transactional")

    async def payment_success(
        self,
        user_id: str,
        amount: Decimal | float,
        currency: str,
        transaction_id: str,
        *,
        channels: Iterable[str] | None = None,
    ) -> SendResponse:
        """Send ``payment_success``: amount, currency, transaction_id, formatted_amount."""
        variables = {
            "amount": f"{amount:.2f}",
            "currency": currency,
            "transaction_id": transaction_id,
            "formatted_amount": f"{currency} {amount:.2f}",
        }
        return await self._send(user_id, "payment_success", variables, channels, "transactional")

    async def security_alert(
        self,
        user_id: str,
        event: SecurityEvent,
        details: Mapping[str, Any] | None = None,
        *,
        channels: Iterable[str] | None = None,
    ) -> SendResponse:
        """Send ``security_<event>``: event and what ``details`` adds."""
        known("event", event, get_args(SecurityEvent))
        variables = {**(details or {}), "event": event}
        return await self._send(
            user_id, f"security_{event}", variables, channels, "urgent", max_channels=4
        )

    async def maintenance(
        self,
        user_id: str,
        *,
        start: str,
        end: str,
        description: str,
        channels: Iterable[str] | None = None,
    ) -> SendResponse:
        """Send ``system_maintenance``: start, end, description."""
        variables = {"start": start, "end": end, "description": description}
        return await self._send(user_id, "system_maintenance", variables, channels, "normal")

    async def alert(
        self,
        user_id: str,
        severity: Severity,
        title: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        channels: Iterable[str] | None = None,
    ) -> SendResponse:
        """Send ``alert``: severity, title, message and what ``details`` adds.

        The channels follow the severity: ``webhook`` for info, ``lark`` too for a warning,
        ``telegram`` too for an error, ``slack`` too where it is critical.
        """
        known("severity", severity, get_args(Severity))
        variables = {**(details or {}), "severity": severity, "title": title, "message": message}
        return await self._client.send_notification(
            user_id,
            as_channels(channels) or _ALERT_CHANNELS[severity],
            template_key="alert",
            variables=variables,
        )

    async def verification_code(
        self,
        user_id: str,
        code: str,
        purpose: str,
        expires_minutes: int = 5,
        *,
        channels: Iterable[str] | None = None,
    ) -> SendResponse:
        """Send ``verification_code``: code, purpose, expires_minutes; the same code only once."""
        variables = {"code": code, "purpose": purpose, "expires_minutes": expires_minutes}
        return await self._send(
            user_id,
            "verification_code",
            variables,
            channels,
            "transactional",
            idempotency_key=f"verification_{user_id}_{purpose}_{code}",
        )

    async def report(
        self,
        user_id: str,
        period: Period,
        data: Mapping[str, Any],
        *,
        channels: Iterable[str] | None = None,
    ) -> SendResponse:
        """Send ``report_<period>``: period and what ``data`` adds."""
        known("period", period, get_args(Period))
        variables = {**data, "period": period}
        return await self._send(user_id, f"report_{period}", variables, channels, "normal")

    async def _send(
        self,
        user_id: str,
        template_key: str,
        variables: Mapping[str, Any],
        channels: Iterable[str] | None,
        priority: Priority,
        *,
        max_channels: int = 2,
        idempotency_key: str | None = None,
    ) -> SendResponse:
        chosen = as_channels(channels) or await self._client.select_channels(
            user_id, priority=priority, max_channels=max_channels
        )
        return await self._client.send_notification(
            user_id,
            chosen,
            template_key=template_key,
            variables=variables,
            idempotency_key=idempotency_key,
        )
