"""The use case: accept a notification, attempt it, report the outcome."""

import json
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from notification.delivery.endpoint_lines import Places, free_channels, take_slot
from notification.delivery.notification import LEASE_MS
from notification.errors import ServiceError
from notification.identity import MessageKey, new_keys, row_id_of
from notification.logging import Log
from notification.ports.database import DatabaseConflict, DatabaseError, Row, Statement
from notification.ports.platform import Platform
from notification.sending.channel_text import write_texts
from notification.sending.command import SendCommand
from notification.sending.draft import Draft, deferred, draft_rows
from notification.sending.first_attempts import deliver
from notification.sending.send_inputs import (
    SendInputs,
    cached_inputs,
    drop_cached,
    read_inputs,
    refuse_disabled,
    refuse_unsendable,
)
from notification.sending.waits import waits_of
from notification.storage.outbox import Acceptance, Guard, Reservation, accept_all
from notification.timestamps import from_iso, iso

KEY_LIFE_MS = 24 * 3_600_000
_TRIES = 5


class SendResult(NamedTuple):
    """What became of a send.

    Attributes:
        results: one entry per channel.
        replayed: whether an earlier request did the work.
        warnings: what was sent although it is probably not what the caller meant.
    """

    results: list[dict[str, Any]]
    replayed: bool
    warnings: Sequence[dict[str, Any]] = ()


class Prepared(NamedTuple):
    """A send that is ready to be written.

    Attributes:
        places: the places in line of its drafts, where lines stand in several databases.
    """

    drafts: list[Draft]
    guard: Guard
    reservation: Reservation | None
    slots: list[Statement]
    places: list[Places]

    @property
    def acceptance(self) -> Acceptance:
        """What is written of it."""
        rows = [draft.row for draft in self.drafts]
        return Acceptance(rows, self.guard, self.reservation, self.slots)

    def attempts(self) -> int:
        """Return how many first attempts the sending invocation makes."""
        return sum(draft.config is not None for draft in self.drafts)

    def with_attempts(self, most: int) -> "Prepared":
        """Leave the first attempts beyond `most` to the retry queue's consumer."""
        if self.attempts() <= most:
            return self
        drafts = []
        for draft in self.drafts:
            attempted = draft.config is not None
            drafts.append(deferred(draft) if attempted and most <= 0 else draft)
            most -= attempted
        return self._replace(drafts=drafts)

    def placed(self, places: Sequence[int]) -> "Prepared":
        """Give the drafts in line the places that were taken for them, in ms since 1970."""
        due = iter(places)
        drafts = [each.placed(next(due)) if each.in_line else each for each in self.drafts]
        return self._replace(drafts=drafts)


class Sender:
    """Sends notifications: two round trips to storage with warm caches, else three.

    What is cached is confirmed by the very batch that writes the rows.

    Args:
        platform: the platform.
        request_id: the id of the request.
        own_host: the service's host, which is never called; empty if unknown.
        log: the log of the invocation.
        key_life_ms: how long an idempotency key holds.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        request_id: str,
        own_host: str,
        log: Log,
        key_life_ms: int = KEY_LIFE_MS,
    ) -> None:
        self._platform = platform
        self._request_id = request_id
        self._own_host = own_host
        self._log = log
        self._key_life_ms = key_life_ms

    async def send(self, command: SendCommand, *, put_off: bool = False) -> SendResult:
        """Accept a notification and attempt it.

        Args:
            command: what the caller asks for.
            put_off: leave the first attempts to the retry queue's consumer.

        Raises:
            ServiceError: nothing was written and nothing was sent.
        """
        refuse_disabled(command, self._platform)
        request_hash = command.request_hash() if command.idempotency_key else ""
        try:
            return await self._send(command, request_hash, put_off)
        except DatabaseError as error:
            self._log.write("error", "Accepting a notification failed", error=str(error))
            raise ServiceError("DB_ERROR", "Failed to fetch user configurations") from None

    async def _send(self, command: SendCommand, request_hash: str, put_off: bool) -> SendResult:
        platform = self._platform
        cached = cached_inputs(command, platform)
        if cached is not None:
            try:
                drafts = await self._accept(command, request_hash, cached, None, put_off)
            except ServiceError:
                # Refused for a template or a key that may have changed meanwhile.
                drafts = None
            if drafts is not None:
                return await self._deliver(drafts)
            drop_cached(command, platform)
        for _ in range(_TRIES):
            inputs = await read_inputs(command, platform)
            keys = None
            if inputs.record is not None:
                # Imported when a request is first repeated.
                from notification.sending.replay import replay

                earlier = await replay(inputs.record, command, request_hash, platform)
                if earlier is not None:
                    return SendResult(earlier, replayed=True)
                keys = _reserved_keys(inputs.record, command)
            refuse_unsendable(command, inputs)
            drafts = await self._accept(command, request_hash, inputs, keys, put_off)
            if drafts is not None:
                return await self._deliver(drafts)
        raise ServiceError("DB_ERROR", "Failed to fetch user configurations", retry_after=1)

    async def _accept(
        self,
        command: SendCommand,
        request_hash: str,
        inputs: SendInputs,
        keys: Sequence[MessageKey] | None,
        put_off: bool,
    ) -> list[Draft] | None:
        """Write the rows; return None if something changed since it was read."""
        prepared = self.prepare(command, request_hash, inputs, keys)
        if put_off:
            prepared = prepared.with_attempts(0)
        if prepared.places:
            [prepared] = await self.take_places([prepared])
        try:
            [written] = await accept_all(self._platform.database, [prepared.acceptance])
        except DatabaseConflict:
            return None
        if written and prepared.places:
            await self.tell_of_lines(prepared.places)
        return prepared.drafts if written else None

    async def take_places(self, prepared: Sequence[Prepared]) -> list[Prepared]:
        """Take the places in lines that several databases share, and return the sends with them.

        Raises:
            DatabaseError: a line's database did not answer.
        """
        # Imported where there are several databases and somebody waits.
        from notification.delivery.shared_lines import take_places

        wanted = [place for each in prepared for place in each.places]
        taken = iter(await take_places(wanted, self._platform))
        return [each.placed(list(islice(taken, len(each.places)))) for each in prepared]

    async def tell_of_lines(self, places: Sequence[Places]) -> None:
        """Give every database the notice of lines in which rows have places now."""
        # Imported where there are several databases and somebody waits.
        from notification.delivery.shared_lines import tell

        lines = [(each.identity, each.channel) for each in places]
        await tell(lines, self._platform, self._log)

    def prepare(
        self,
        command: SendCommand,
        request_hash: str,
        inputs: SendInputs,
        keys: Sequence[MessageKey] | None = None,
        places: dict[str, int] | None = None,
    ) -> Prepared:
        """Make the rows of a send.

        Args:
            command: what the caller asks for.
            request_hash: its hash, if it has a key.
            inputs: what was read for it.
            keys: the message ids; None for new ones.
            places: the places in lines that other sends of the same batch take, which it adds to.

        Raises:
            ServiceError: its content can't be sent; see `write_texts`.
        """
        platform = self._platform
        now_ms = platform.clock.now_ms()
        configs = {config.channel: config for config in inputs.configs}
        waits = waits_of(
            command, inputs, platform.settings, now_ms, {} if places is None else places
        )
        drafts = draft_rows(
            command,
            configs,
            write_texts(command, inputs.template),
            keys
            or new_keys(
                now_ms,
                command.channels,
                platform.randomness,
                platform.shard if platform.is_sharded else None,
            ),
            now_ms=now_ms,
            lease_token=platform.randomness.token_bytes(12).hex(),
            request_id=self._request_id,
            waits={channel: wait for channel, (wait, _) in waits.items()},
        )
        reservation = self._reservation(command, request_hash, drafts, now_ms)
        attempted = [draft.channel for draft in drafts if draft.config is not None]
        guard = inputs.guard(free_channels(attempted), now_ms)
        if platform.shard:
            # Templates lie in the first database, from which this request has just read it.
            guard = guard._replace(template=None)
        in_line = [draft for draft in drafts if draft.in_line]
        if platform.is_sharded:
            taken = [
                Places(configs[d.channel].line, d.channel, waits[d.channel][1], _due(d))
                for d in in_line
            ]
            return Prepared(drafts, guard, reservation, [], taken)
        slots = [
            take_slot((command.user_id, d.channel), waits[d.channel][1], earliest_ms=_due(d))
            for d in in_line
        ]
        return Prepared(drafts, guard, reservation, slots, [])

    def _reservation(
        self, command: SendCommand, request_hash: str, drafts: Sequence[Draft], now_ms: int
    ) -> Reservation | None:
        if command.idempotency_key is None:
            return None
        return Reservation(
            command.user_id,
            command.idempotency_key,
            request_hash,
            [draft.key.message_id for draft in drafts],
            iso(now_ms + LEASE_MS),
            iso(now_ms + self._key_life_ms),
            iso(now_ms),
        )

    async def _deliver(self, drafts: Sequence[Draft]) -> SendResult:
        work = deliver(drafts, platform=self._platform, own_host=self._own_host, log=self._log)
        # If the caller hangs up, the work goes on.
        results = await self._platform.run_to_completion(work)
        return SendResult(results, replayed=False, warnings=warnings_of(drafts, results))


def warnings_of(drafts: Sequence[Draft], results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a caller should know of texts that went out: unfilled variables, and cuts."""
    warnings: list[dict[str, Any]] = []
    for draft, result in zip(drafts, results, strict=True):
        if draft.missing and draft.row["content"] is not None:
            names = ", ".join(draft.missing)
            warnings.append(
                {
                    "code": "UNFILLED_VARIABLES",
                    "channelType": draft.channel,
                    "message": f"The template's {names} had no value and stayed as written",
                    "variables": list(draft.missing),
                }
            )
        if result.get("truncated"):
            text = "The message was longer than the channel or the template engine allows"
            warnings.append({"code": "TRUNCATED", "channelType": draft.channel, "message": text})
    return warnings


def _due(draft: Draft) -> int:
    return from_iso(draft.row["next_retry_at"])


def _reserved_keys(record: Row, command: SendCommand) -> list[MessageKey] | None:
    """Return the keys of a lapsed reservation if they still fit the command."""
    keys: list[MessageKey] = []
    for message_id in json.loads(str(record["message_ids"])):
        row_id = row_id_of(str(message_id))
        if row_id is None:
            return None
        keys.append(MessageKey(row_id, str(message_id)))
    return keys if len(keys) == len(command.channels) else None
