"""Many sends in one request: the promise of each, and storage round trips for all together."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from notification.errors import ServiceError
from notification.identity import MessageKey, new_keys
from notification.logging import Log
from notification.ports.database import DatabaseConflict, DatabaseError
from notification.ports.platform import Platform
from notification.sending.command import SendCommand
from notification.sending.draft import Draft
from notification.sending.first_attempts import deliver
from notification.sending.replay import replays
from notification.sending.send import Prepared, Sender, SendResult, warnings_of
from notification.sending.send_inputs import (
    SendInputs,
    read_all_inputs,
    refuse_disabled,
    refuse_unsendable,
)
from notification.storage.outbox import accept_all

MAX_SENDS = 100
MAX_FIRST_ATTEMPTS = 40
"""Of the 50 calls that one invocation may make on the free plan (Cloudflare Workers, "Limits",
subrequests); the others are storage and queues. What goes beyond is attempted at once by the
retry queue's consumer."""

_ROUNDS = 3
"""How often a batch is read and written, all together, for what changed under it."""

Answer = SendResult | ServiceError


class BatchSender:
    """Sends a batch in three round trips to storage, however many sends it has.

    One reads what all of them depend on, one writes all rows, one records all outcomes that
    arrive within a second of each other. A repetition takes two: what it read, and the rows.
    """

    def __init__(
        self,
        sender: Sender,
        *,
        platform: Platform,
        own_host: str,
        log: Log,
        attempts_left: int = MAX_FIRST_ATTEMPTS,
    ) -> None:
        self._sender = sender
        self._platform = platform
        self._own_host = own_host
        self._log = log
        self.attempts_left = attempts_left
        """First attempts that this invocation may still make."""

    async def send(self, commands: Sequence[SendCommand]) -> list[Answer]:
        """Return an answer for each command, in their order: one that is refused fails alone.

        Raises:
            ServiceError: the database didn't answer, and nothing was written.
        """
        hashes = [c.request_hash() if c.idempotency_key else "" for c in commands]
        answers: dict[int, Answer] = {}
        for _ in range(_ROUNDS):
            places = [place for place in range(len(commands)) if place not in answers]
            if not places:
                break
            try:
                found = await self._round(
                    [commands[place] for place in places], [hashes[place] for place in places]
                )
            except ServiceError as refused:
                if not answers:
                    raise
                found = dict.fromkeys(range(len(places)), refused)
            answers |= {places[index]: answer for index, answer in found.items()}
        for place, command in enumerate(commands):
            if place not in answers:
                answers[place] = await self._alone(command)
        return [answers[place] for place in range(len(commands))]

    async def _round(
        self, commands: Sequence[SendCommand], hashes: Sequence[str]
    ) -> dict[int, Answer]:
        """Read, write and attempt all at once; what changed meanwhile isn't among the answers."""
        try:
            inputs, max_retries = await read_all_inputs(commands, self._platform)
            answers = await self._replayed(commands, hashes, inputs)
        except DatabaseError as error:
            self._log.write("error", "Reading for a batch failed", error=str(error))
            raise ServiceError("DB_ERROR", "Failed to fetch user configurations") from None
        prepared: dict[int, Prepared] = {}
        lines: dict[str, int] = {}
        keys = self._keys(commands)
        for place, command in enumerate(commands):
            if place in answers or inputs[place].record is not None:
                continue
            try:
                refuse_disabled(command, self._platform)
                refuse_unsendable(command, inputs[place])
                prepared[place] = self._sender.prepare(
                    command, hashes[place], inputs[place], keys[place], places=lines
                )
            except ServiceError as error:
                answers[place] = error
        in_line = [place for place, each in prepared.items() if each.places]
        if in_line:
            try:
                taken = await self._sender.take_places([prepared[place] for place in in_line])
                prepared.update(zip(in_line, taken, strict=True))
            except DatabaseError as error:
                self._log.write("error", "Taking places for a batch failed", error=str(error))
                for place in in_line:
                    del prepared[place]
                    answers[place] = ServiceError("DB_ERROR", "Failed to take a place in line")
        left = self.attempts_left
        for place, each in prepared.items():
            prepared[place] = each.with_attempts(left)
            left -= each.attempts()
        work = self._accepted(commands, prepared, max_retries)
        return answers | await self._platform.run_to_completion(work)

    def _keys(self, commands: Sequence[SendCommand]) -> list[list[MessageKey]]:
        """Return new keys for each send.

        All are made by one call, since its keys never collide: the clock stands still while a
        request computes, and 100 calls within a millisecond collide 7 times in 10.
        """
        channels = [channel for command in commands for channel in command.channels]
        platform = self._platform
        shard = platform.shard if platform.is_sharded else None
        made = iter(new_keys(platform.clock.now_ms(), channels, platform.randomness, shard))
        return [list(islice(made, len(command.channels))) for command in commands]

    async def _replayed(
        self, commands: Sequence[SendCommand], hashes: Sequence[str], inputs: Sequence[SendInputs]
    ) -> dict[int, Answer]:
        """Return the answers of those whose key an earlier request has settled."""
        taken = {
            place: (record, commands[place], hashes[place])
            for place, each in enumerate(inputs)
            if (record := each.record) is not None
        }
        found = await replays(list(taken.values()), self._platform) if taken else []
        answers: dict[int, Answer] = {}
        for place, earlier in zip(taken, found, strict=True):
            if isinstance(earlier, ServiceError):
                answers[place] = earlier
            elif earlier is not None:
                answers[place] = SendResult(earlier, replayed=True)
        return answers

    async def _accepted(
        self,
        commands: Sequence[SendCommand],
        prepared: dict[int, Prepared],
        max_retries: int,
    ) -> dict[int, Answer]:
        """Write, attempt and record. What isn't among the answers has to be read again."""
        if not prepared:
            return {}
        try:
            written = await accept_all(
                self._platform.database, [each.acceptance for each in prepared.values()]
            )
        except DatabaseConflict:
            return {}
        except DatabaseError as error:
            self._log.write("error", "Writing a batch failed", error=str(error))
            # Whether it was written isn't known: only what has a key can be asked for again.
            refused = ServiceError("DB_ERROR", "Failed to fetch user configurations")
            return {p: refused for p in prepared if commands[p].idempotency_key is None}
        accepted = {
            place: each
            for (place, each), done in zip(prepared.items(), written, strict=True)
            if done
        }
        places = [place for each in accepted.values() for place in each.places]
        if places:
            await self._sender.tell_of_lines(places)
        self.attempts_left -= sum(each.attempts() for each in accepted.values())
        drafts = [draft for each in accepted.values() for draft in each.drafts]
        shown = await self._delivered(drafts, max_retries)
        return {
            place: _result(each.drafts, [shown[draft.key.row_id] for draft in each.drafts])
            for place, each in accepted.items()
        }

    async def _delivered(
        self, drafts: Sequence[Draft], max_retries: int
    ) -> dict[int, dict[str, Any]]:
        """Return the results by row id."""
        results = await deliver(
            drafts,
            platform=self._platform,
            own_host=self._own_host,
            log=self._log,
            max_retries=max_retries,
        )
        return {draft.key.row_id: each for draft, each in zip(drafts, results, strict=True)}

    async def _alone(self, command: SendCommand) -> Answer:
        """Send one whose key another request holds, or whose inputs change again and again.

        The queue attempts it, since the attempts of this invocation may be spent.
        """
        try:
            return await self._sender.send(command, put_off=True)
        except ServiceError as error:
            return error


def _result(drafts: Sequence[Draft], results: list[dict[str, Any]]) -> SendResult:
    return SendResult(results, replayed=False, warnings=warnings_of(drafts, results))
