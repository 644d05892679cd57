"""Many sends in one request: the promise of each, and storage round trips for all together."""

from collections.abc import Sequence
from typing import Any

from notification.delivery.retry_message import RetryMessage, enqueue
from notification.errors import ServiceError
from notification.logging import Log
from notification.ports.database import DatabaseConflict, DatabaseError
from notification.ports.platform import Platform
from notification.sending.command import SendCommand
from notification.sending.draft import Draft, deferred
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

Answer = SendResult | ServiceError


class BatchSender:
    """Sends a batch in three round trips to storage, however many sends it has.

    One reads what all of them depend on, one writes all rows, one records all outcomes that
    arrive within a second of each other. A repetition takes two: what it read, and the rows.
    """

    def __init__(self, sender: Sender, *, platform: Platform, own_host: str, log: Log) -> None:
        self._sender = sender
        self._platform = platform
        self._own_host = own_host
        self._log = log

    async def send(self, commands: Sequence[SendCommand]) -> list[Answer]:
        """Return an answer for each command, in their order: one that is refused fails alone.

        Raises:
            ServiceError: the database didn't answer, and nothing was written.
        """
        hashes = [c.request_hash() if c.idempotency_key else "" for c in commands]
        try:
            inputs, max_retries = await read_all_inputs(commands, self._platform)
            answers = await self._replayed(commands, hashes, inputs)
        except DatabaseError as error:
            self._log.write("error", "Reading for a batch failed", error=str(error))
            raise ServiceError("DB_ERROR", "Failed to fetch user configurations") from None
        prepared: dict[int, Prepared] = {}
        places: dict[str, int] = {}
        for place, command in enumerate(commands):
            if place in answers or inputs[place].record is not None:
                continue
            try:
                refuse_disabled(command, self._platform)
                refuse_unsendable(command, inputs[place])
                prepared[place] = self._sender.prepare(
                    command, hashes[place], inputs[place], places=places
                )
            except ServiceError as error:
                answers[place] = error
        work = self._accepted(commands, _within_budget(prepared), max_retries)
        answers |= await self._platform.run_to_completion(work)
        for place, command in enumerate(commands):
            if place not in answers:
                answers[place] = await self._alone(command)
        return [answers[place] for place in range(len(commands))]

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
        """Write, attempt and record. What isn't among the answers has to be sent alone."""
        if not prepared:
            return {}
        try:
            written = await accept_all(
                self._platform.database, [each.acceptance for each in prepared.values()]
            )
        except DatabaseConflict:
            return {}
        except DatabaseError as error:
            self._log.write("error", "Prepared a batch failed", error=str(error))
            # Whether it was written isn't known: only what has a key can be asked for again.
            refused = ServiceError("DB_ERROR", "Failed to fetch user configurations")
            return {p: refused for p in prepared if commands[p].idempotency_key is None}
        accepted = {
            place: each.drafts
            for (place, each), done in zip(prepared.items(), written, strict=True)
            if done
        }
        drafts = [draft for each in accepted.values() for draft in each]
        shown = await self._delivered(drafts, max_retries)
        return {
            place: _result(each, [shown[draft.key.row_id] for draft in each])
            for place, each in accepted.items()
        }

    async def _delivered(
        self, drafts: Sequence[Draft], max_retries: int
    ) -> dict[int, dict[str, Any]]:
        """Return the results by row id."""
        waiting = [RetryMessage(draft.key.row_id, 0) for draft in drafts if draft.deferred]
        if waiting:
            await enqueue(
                self._platform.retry_queue, waiting, platform=self._platform, log=self._log
            )
        results = await deliver(
            drafts,
            platform=self._platform,
            own_host=self._own_host,
            log=self._log,
            max_retries=max_retries,
        )
        return {draft.key.row_id: each for draft, each in zip(drafts, results, strict=True)}

    async def _alone(self, command: SendCommand) -> Answer:
        """Send one whose key or inputs changed under the batch."""
        try:
            return await self._sender.send(command)
        except ServiceError as error:
            return error


def _result(drafts: Sequence[Draft], results: list[dict[str, Any]]) -> SendResult:
    return SendResult(results, replayed=False, warnings=warnings_of(drafts, results))


def _within_budget(prepared: dict[int, Prepared]) -> dict[int, Prepared]:
    """Put off the attempts beyond what one invocation may make."""
    left = MAX_FIRST_ATTEMPTS
    kept: dict[int, Prepared] = {}
    for place, each in prepared.items():
        drafts = []
        for draft in each.drafts:
            attempted = draft.config is not None
            drafts.append(deferred(draft) if attempted and left <= 0 else draft)
            left -= attempted
        kept[place] = each._replace(drafts=drafts)
    return kept
