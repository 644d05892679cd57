"""The client.

Made of the async package by ``scripts/make_sync.py``: change that one.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from notification_sdk import _calls
from notification_sdk._arguments import at_least, over_zero
from notification_sdk._batch import BatchItem, BatchOutcome
from notification_sdk._call import Moment
from notification_sdk._channel_selector import Priority, SmartChannelSelector
from notification_sdk._concurrency import map_with_threads
from notification_sdk._errors import NotificationError
from notification_sdk._notification import (
    CustomContent,
    NotificationRequest,
    SendResponse,
    as_channels,
)
from notification_sdk._options import CONNECT_TIMEOUT, Hooks, connection, make_options
from notification_sdk._retry import RetryPolicy
from notification_sdk._sleeping import Sleep
from notification_sdk._stored import Health, LogPage
from notification_sdk._sync.builder import NotificationBuilder
from notification_sdk._sync.caller import Caller
from notification_sdk._sync.presets import Presets
from notification_sdk._sync.resources import (
    Configs,
    Logs,
    Retries,
    Templates,
    Users,
)
from notification_sdk._sync.shortcuts import Quick, Session

MAX_BULK = 100
"""Sends that the service takes in one request."""
TOO_LARGE = 413
"""The status of a request whose body is too large; the service has done nothing."""


class NotificationClient:
    """Sends notifications through one service and shows what became of them.

        with NotificationClient("https://notify.example.com", api_key=KEY) as client:
            sent = client.send_notification(
                "ada", ["lark"], custom_content={"content": "Order 1 has shipped"}
            )

    Args:
        base_url: the service's URL without a path.
        api_key: the service's API secret key; empty leaves requests unsigned.
        timeout: seconds for one try. A send waits for its channels: 20 s each at most, all at once.
        max_retries: retries of a try that failed and may pass, where repeating is safe.
        retry_delay: seconds before the first retry; each further wait is twice as long.
        retry: the whole policy, in place of the two above.
        automatic_idempotency_keys: give each send a key where the caller gave none, so that it can
            be repeated safely. Without a key, a send whose answer was lost isn't repeated.
        hooks: functions around each try.
        max_requests_per_second: spreads this client's calls.
        transport: an httpx transport, for tests or for a proxy of one's own.
        trust_env: whether httpx reads proxies from the environment.
        host: the ``Host`` header, where it isn't the URL's own.
        now: returns seconds since the epoch, for signatures.
        sleep: waits between tries.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        *,
        timeout: float = 30.0,
        max_retries: int = 3,
        retry_delay: float = 1.0,
        retry: RetryPolicy | None = None,
        automatic_idempotency_keys: bool = True,
        hooks: Hooks | None = None,
        max_requests_per_second: float | None = None,
        transport: httpx.BaseTransport | None = None,
        trust_env: bool = True,
        host: str | None = None,
        now: Callable[[], float] = time.time,
        sleep: Sleep = time.sleep,
    ) -> None:
        over_zero("timeout", timeout)
        options = make_options(
            base_url,
            api_key,
            max_retries=max_retries,
            retry_delay=retry_delay,
            retry=retry,
            hooks=hooks,
            automatic_keys=automatic_idempotency_keys,
            max_requests_per_second=max_requests_per_second,
            now=now,
        )
        address, headers = connection(options.base_url, host)
        http = httpx.Client(
            base_url=address,
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT)),
            transport=transport,
            trust_env=trust_env,
        )
        self.base_url = options.base_url
        self._caller = Caller(options, http, sleep)
        self.configs = Configs(self._caller)
        self.templates = Templates(self._caller)
        self.logs = Logs(self._caller)
        self.retry = Retries(self._caller, self.logs)
        self.users = Users(self._caller)
        self.channels = SmartChannelSelector()
        self.quick = Quick(self)
        self.presets = Presets(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def send_notification(
        self,
        user_id: str,
        channels: Iterable[str | Sequence[str]] | None = None,
        *,
        template_key: str | None = None,
        variables: Mapping[str, Any] | None = None,
        custom_content: CustomContent | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        send_at: datetime | str | None = None,
        urgent: bool = False,
    ) -> SendResponse:
        """Send one notification and return a result per channel.

        Args:
            user_id: the recipient.
            channels: channel names; without any, two of the recipient's active ones are chosen.
                A sequence among them is an order of fallbacks: each of its channels is used only
                if the one before it failed.
            template_key: a stored template, filled with ``variables``; or
            custom_content: ``{"content": text, "subject": text}``.
            variables: JSON values by name.
            idempotency_key: sending again with the same key within 24 hours sends nothing and
                returns the same.
            metadata: stored with the notification.
            send_at: when to send, at most 7 days ahead: a time with its zone, or ISO 8601 text.
            urgent: send in the recipient's quiet hours, too.

        Raises:
            ValidationError: the request is wrong, the template unknown, or no channel configured.
            NotificationError: every other failure; a channel's own is in its result.
        """
        return self.send(
            NotificationRequest(
                user_id=user_id,
                channels=as_channels(channels),
                template_key=template_key,
                variables=variables,
                custom_content=custom_content,
                idempotency_key=idempotency_key,
                metadata=metadata,
                send_at=send_at,
                urgent=urgent,
            )
        )

    def send(self, request: NotificationRequest) -> SendResponse:
        """Send one notification, as `send_notification`."""
        return self._caller.run(_calls.send(self._complete(request)))

    def _complete(self, request: NotificationRequest) -> NotificationRequest:
        """Give the request a key and channels, where it has none."""
        if request.idempotency_key is None and self._caller.options.automatic_keys:
            request = replace(request, idempotency_key=f"sdk-{uuid.uuid4()}")
        if not request.channels:
            request = replace(request, channels=self.select_channels(request.user_id))
        return request

    def send_batch_notifications(
        self,
        requests: Sequence[NotificationRequest],
        *,
        concurrency: int = 5,
        stop_on_error: bool = False,
    ) -> BatchOutcome:
        """Send many notifications, some at once, and return every outcome in order.

        Args:
            requests: what to send.
            concurrency: how many at once.
            stop_on_error: begin no further send once one was refused or not answered.
        """
        at_least("concurrency", concurrency, 1)
        stopped = False

        def send_one(request: NotificationRequest) -> BatchItem:
            nonlocal stopped
            if stopped:
                return BatchItem(request=request)
            try:
                return BatchItem(request=request, response=self.send(request))
            except NotificationError as error:
                stopped = stop_on_error
                return BatchItem(request=request, error=error)

        return BatchOutcome(tuple(map_with_threads(send_one, requests, concurrency=concurrency)))

    def send_bulk(self, requests: Sequence[NotificationRequest]) -> BatchOutcome:
        """Send many notifications, 100 in each HTTP request, and return every outcome in order.

        Requests whose texts are together too large for the service are sent in halves.

        What the service can't attempt within one request is ``pending`` in its result, and is
        attempted right after.
        """
        items: list[BatchItem] = []
        for start in range(0, len(requests), MAX_BULK):
            chunk = [self._prepared(each) for each in requests[start : start + MAX_BULK]]
            whole = [item.request for item in chunk if item.error is None]
            sent = iter(self._sent_in_bulk(whole))
            items += [next(sent) if item.error is None else item for item in chunk]
        return BatchOutcome(tuple(items))

    def _prepared(self, request: NotificationRequest) -> BatchItem:
        """Complete a request of a bulk: one that can't be sent fails alone."""
        try:
            complete = self._complete(request)
            _calls.send(complete).content()
        except NotificationError as error:
            return BatchItem(request=request, error=error)
        return BatchItem(request=complete)

    def _sent_in_bulk(self, requests: Sequence[NotificationRequest]) -> list[BatchItem]:
        if not requests:
            return []
        try:
            answers = self._caller.run(_calls.send_bulk(requests))
        except NotificationError as error:
            if error.status == TOO_LARGE and len(requests) > 1:
                half = len(requests) // 2
                first = self._sent_in_bulk(requests[:half])
                return first + self._sent_in_bulk(requests[half:])
            return [BatchItem(request=request, error=error) for request in requests]
        return [
            BatchItem(request=request, error=answer)
            if isinstance(answer, NotificationError)
            else BatchItem(request=request, response=answer)
            for request, answer in zip(requests, answers, strict=True)
        ]

    def send_and_confirm(
        self,
        request: NotificationRequest,
        *,
        timeout: float = 30.0,
        check_interval: float = 5.0,
    ) -> tuple[SendResponse, bool]:
        """Send, and wait until every channel has delivered.

        Args:
            request: what to send.
            timeout: seconds to wait at most.
            check_interval: seconds between two looks.

        Returns:
            The answer, and whether all of its messages are delivered. It returns as soon as one
            of them has failed for good.
        """
        over_zero("check_interval", check_interval)
        response = self.send(request)
        open_ids = {r.message_id for r in response.results if r.status != "sent"}
        if response.failed:
            return response, False
        waited = 0.0
        while open_ids and waited < timeout:
            self._caller.sleep(check_interval)
            waited += check_interval
            for message_id in sorted(open_ids):
                page = self.logs.query(message_id=message_id, limit=1)
                status = page.logs[0].status if page.logs else "pending"
                if status in ("failed", "cancelled"):
                    return response, False
                if status == "sent":
                    open_ids.discard(message_id)
        return response, not open_ids

    def select_channels(
        self,
        user_id: str,
        *,
        priority: Priority = "normal",
        preferred: Iterable[str] = (),
        max_channels: int = 2,
    ) -> tuple[str, ...]:
        """Choose among a user's active channels, the best first."""
        return self.channels.select_channels(
            self.configs.active_channels(user_id),
            priority=priority,
            preferred=preferred,
            max_channels=max_channels,
        )

    def smart_send(
        self,
        user_id: str,
        content: str | None = None,
        *,
        subject: str | None = None,
        channels: Iterable[str] | None = None,
        template: str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> SendResponse:
        """Send over every active channel of the user, or over those that are given.

        A user without any is sent to over ``webhook``; the service says what is missing.
        """
        chosen = as_channels(channels) or self.configs.active_channels(user_id)
        chosen = chosen or self.channels.select_channels((), preferred=("lark", "webhook"))
        builder = self.notify().to(user_id).via(*chosen)
        if template is not None:
            builder.use_template(template, variables)
        if content is not None:
            builder.content(content, subject)
        return builder.send()

    def health(self) -> Health:
        """Return the service's state. An unhealthy service answers too."""
        return self._caller.run(_calls.health())

    def health_check(self) -> bool:
        """Return whether the service answers and is healthy."""
        try:
            return (self.health()).healthy
        except NotificationError:
            return False

    def get_notification_logs(
        self,
        *,
        user_id: str | None = None,
        channel: str | None = None,
        status: str | None = None,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> LogPage:
        """Return a page of notifications, as ``client.logs.query``."""
        return self.logs.query(
            user_id=user_id,
            channel=channel,
            status=status,
            start_date=start_date,
            end_date=end_date,
            limit=limit,
            offset=offset,
        )

    def notify(self) -> NotificationBuilder:
        """Begin a notification: ``client.notify().to("ada").via("lark").content("Hi").send()``."""
        return NotificationBuilder(self)

    builder = notify

    def create_session(
        self, user_id: str, default_channels: Iterable[str] = ("webhook",)
    ) -> Session:
        """Return a session that sends to one user."""
        return Session(self, user_id, as_channels(default_channels))
