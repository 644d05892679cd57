"""What the service keeps: configurations, templates, logs, retries, users.

Made of the async package by ``scripts/make_sync.py``: change that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from notification_sdk import _calls
from notification_sdk._call import Moment, shown
from notification_sdk._errors import NotFoundError
from notification_sdk._retry_stats import RetryStats, add_up
from notification_sdk._stored import (
    ChannelConfig,
    LogEntry,
    LogPage,
    Redriven,
    Template,
    TemplatePreview,
    TemplateText,
)
from notification_sdk._sync.caller import Caller


class Configs:
    """Where users are reached: ``client.configs``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def set(
        self, user_id: str, channel: str, config: Mapping[str, Any], *, is_active: bool = True
    ) -> ChannelConfig:
        """Create or replace a user's configuration of a channel.

        A masked secret that is sent back keeps the stored one.
        """
        return self._caller.run(_calls.save_config(user_id, channel, config, is_active))

    def get(self, user_id: str, channel: str) -> ChannelConfig | None:
        """Return a user's configuration of a channel, ``None`` where there is none."""
        found = self.list(user_id, channel=channel)
        return found[0] if found else None

    def list(
        self,
        user_id: str | None = None,
        *,
        channel: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[ChannelConfig, ...]:
        """Return a page of configurations, of one user or of all, inactive ones included."""
        return self._caller.run(_calls.list_configs(user_id, channel, limit, offset))

    def iterate(
        self, user_id: str | None = None, *, channel: str | None = None, page_size: int = 100
    ) -> Iterator[ChannelConfig]:
        """Yield every configuration, of one user or of all."""
        offset = 0
        while True:
            page = self.list(user_id, channel=channel, limit=page_size, offset=offset)
            for config in page:
                yield config
            offset += page_size
            if len(page) < page_size:
                return

    def delete(self, user_id: str, channel: str) -> None:
        """Delete a user's configuration of a channel."""
        self._caller.run(_calls.delete_config(user_id, channel))

    def activate(self, user_id: str, channel: str) -> ChannelConfig:
        """Use a configuration again; what it holds stays."""
        return self._caller.run(_calls.save_config(user_id, channel, None, True))

    def deactivate(self, user_id: str, channel: str) -> ChannelConfig:
        """Stop using a configuration; what it holds stays."""
        return self._caller.run(_calls.save_config(user_id, channel, None, False))

    def active_channels(self, user_id: str) -> tuple[str, ...]:
        """Return the channels on which a user can be reached now."""
        return tuple([each.channel for each in self.iterate(user_id) if each.is_active])


class Templates:
    """Stored templates: ``client.templates``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def create(
        self,
        key: str,
        *,
        contents: Mapping[str, TemplateText],
        name: str | None = None,
        description: str | None = None,
        variables: Iterable[str] | None = None,
        is_active: bool | None = None,
    ) -> None:
        """Save a template with its contents by channel.

        An existing one is changed: channels that ``contents`` doesn't name keep their content.
        """
        self.update(
            key,
            contents=contents,
            name=name,
            description=description,
            variables=variables,
            is_active=is_active,
        )

    def update(
        self,
        key: str,
        *,
        contents: Mapping[str, TemplateText] | None = None,
        name: str | None = None,
        description: str | None = None,
        variables: Iterable[str] | None = None,
        is_active: bool | None = None,
    ) -> None:
        """Change a template; what isn't given stays."""
        self._caller.run(
            _calls.save_template(
                key,
                name=name,
                description=description,
                variables=variables,
                contents=contents,
                is_active=is_active,
            )
        )

    def get(self, key: str) -> Template:
        """Return a template with its contents."""
        return self._caller.run(_calls.get_template(key))

    def list(
        self,
        *,
        channel: str | None = None,
        include_inactive: bool = False,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[Template, ...]:
        """Return a page of templates, without their contents."""
        return self._caller.run(
            _calls.list_templates(
                channel=channel, include_inactive=include_inactive, limit=limit, offset=offset
            )
        )

    def iterate(
        self, *, channel: str | None = None, include_inactive: bool = False, page_size: int = 50
    ) -> Iterator[Template]:
        """Yield every template, without its contents."""
        offset = 0
        while True:
            page = self.list(
                channel=channel, include_inactive=include_inactive, limit=page_size, offset=offset
            )
            for template in page:
                yield template
            offset += page_size
            if len(page) < page_size:
                return

    def delete(self, key: str) -> None:
        """Switch a template off; its contents stay."""
        self._caller.run(_calls.delete_template(key))

    def render(
        self, key: str, variables: Mapping[str, Any], *, channel: str | None = None
    ) -> dict[str, TemplatePreview]:
        """Return what a template would send, by channel, without sending."""
        return self._caller.run(_calls.preview_template(key, variables, channel))


class Logs:
    """Accepted notifications and what became of them: ``client.logs``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def query(
        self,
        *,
        user_id: str | None = None,
        channel: str | None = None,
        status: str | None = None,
        template_key: str | None = None,
        request_id: str | None = None,
        message_id: str | None = None,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> LogPage:
        """Return a page of notifications, newest first.

        Args:
            status: ``pending``, ``sent``, ``failed``, ``retry_scheduled`` or ``cancelled``.
            start_date: the earliest, inclusive.
            end_date: the latest, inclusive.
            limit: 1 to 1000.
        """
        query = {
            "user_id": user_id,
            "channel": channel,
            "status": status,
            "template_key": template_key,
            "request_id": request_id,
            "message_id": message_id,
            "start_date": start_date,
            "end_date": end_date,
            "limit": limit,
            "offset": offset,
        }
        return self._caller.run(_calls.query_logs(query))

    def iterate(
        self,
        *,
        user_id: str | None = None,
        channel: str | None = None,
        status: str | None = None,
        template_key: str | None = None,
        request_id: str | None = None,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        page_size: int = 100,
    ) -> Iterator[LogEntry]:
        """Yield every notification, newest first, each once.

        Notifications that arrive meanwhile don't shift the pages: later pages end where the first
        one began.
        """
        end, offset, seen = end_date, 0, frozenset[int]()
        while True:
            page = self.query(
                user_id=user_id,
                channel=channel,
                status=status,
                template_key=template_key,
                request_id=request_id,
                start_date=start_date,
                end_date=end,
                limit=page_size,
                offset=offset,
            )
            for entry in page.logs:
                if entry.id not in seen:
                    yield entry
            if end is None and page.logs:
                end = page.logs[0].created_at
            seen = frozenset(entry.id for entry in page.logs)
            offset += page_size
            if not page.has_more:
                if page.searched_from is None or page.searched_from == end:
                    return
                end, offset = page.searched_from, 0

    def get(self, log_id: int) -> LogEntry:
        """Return one notification."""
        return self._caller.run(_calls.get_log(log_id))

    def get_by_request_id(self, request_id: str) -> tuple[LogEntry, ...]:
        """Return all notifications of one send, or of one batch."""
        return tuple([each for each in self.iterate(request_id=request_id)])

    def cleanup(self, before: Moment, *, status: str | None = None) -> int:
        """Delete settled notifications older than a time, and return how many."""
        return self._caller.run(_calls.clean_logs(before, status))


class Retries:
    """Trying failed notifications again: ``client.retry``."""

    def __init__(self, caller: Caller, logs: Logs) -> None:
        self._caller = caller
        self._logs = logs

    def trigger(
        self,
        log_id: int | None = None,
        *,
        message_id: str | None = None,
        user_id: str | None = None,
        channel: str | None = None,
        limit: int | None = None,
        max_age_hours: int | None = None,
    ) -> int:
        """Queue failed notifications again, as `redrive`, and return how many."""
        redriven = self.redrive(
            log_id,
            message_id=message_id,
            user_id=user_id,
            channel=channel,
            limit=limit,
            max_age_hours=max_age_hours,
        )
        return redriven.queued

    def redrive(
        self,
        log_id: int | None = None,
        *,
        message_id: str | None = None,
        user_id: str | None = None,
        channel: str | None = None,
        code: str | None = None,
        template_key: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: int | None = None,
        cursor: int | None = None,
        max_age_hours: int | None = None,
    ) -> Redriven:
        """Queue failed notifications again.

        One is named by its ``log_id`` or ``message_id``, whatever made it fail. A filter takes
        every failed one that matches, of any age. Without either, those of the last 24 hours are
        taken whose error may pass.

        Args:
            log_id: one notification, by the id of its row; or
            message_id: by its message id.
            user_id: those to one user.
            channel: those on one channel.
            code: those that failed with this error code.
            template_key: those of one template.
            since: those accepted at that time or later.
            until: those accepted at that time or earlier.
            limit: at most so many, 1 to 1000; 100 unless given.
            cursor: `Redriven.next` of the call before, to go on with the rest.
            max_age_hours: those that are at most so old.
        """
        return self._caller.run(
            _calls.redrive(
                {
                    "log_id": log_id,
                    "message_id": message_id,
                    "user_id": user_id,
                    "channel": channel,
                    "code": code,
                    "template_key": template_key,
                    "since": None if since is None else shown(since),
                    "until": None if until is None else shown(until),
                    "limit": limit,
                    "cursor": cursor,
                    "max_age_hours": max_age_hours,
                }
            )
        )

    def cancel(self, *log_ids: int) -> int:
        """Cancel notifications that wait, scheduled ones for example; return how many."""
        if not log_ids:
            return 0
        return self._caller.run(_calls.cancel(log_ids))

    def get_stats(self, user_id: str) -> RetryStats:
        """Add up the retries of a user's notifications. It reads all of them."""
        return add_up([entry for entry in self._logs.iterate(user_id=user_id, page_size=1000)])


class Users:
    """What is kept about a person: ``client.users``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def export(self, user_id: str, *, page_size: int = 100) -> Iterator[Mapping[str, Any]]:
        """Yield everything about a person, in pages as the service gives them.

        The notifications come oldest first; configurations are in every page.
        """
        after, key = 0, None
        while True:
            call = _calls.export_user(user_id, after=after, after_key=key, limit=page_size)
            page = self._caller.run(call)
            yield page
            following, last_key = page.get("next_after"), page.get("next_key")
            if not isinstance(following, int):
                return
            after, key = following, last_key if isinstance(last_key, str) else None

    def delete(self, user_id: str, *, force: bool = False) -> None:
        """Erase a person's configurations, notifications and keys.

        Args:
            force: also what is still being delivered, which is a `ConflictError` else.
        """
        complete = self._caller.run(_calls.erase_user(user_id, force=force))
        while not complete:
            try:
                complete = self._caller.run(_calls.erase_user(user_id, force=force))
            except NotFoundError:
                complete = True
