"""A consumer that is stopped ends, whatever happens in the same instant."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import cast

from localcloud.broker.consumer import ConsumerSettings, QueueConsumer
from localcloud.broker.message_store import MessageStore
from localcloud.clock import VirtualClock
from localcloud.database import Database
from localcloud.desired_state import DesiredState
from localcloud.schema import CONTROL_PLANE


def test_a_consumer_that_is_woken_and_stopped_at_once_ends(tmp_path: Path) -> None:
    settings = ConsumerSettings(
        queue_id="q", queue_name="jobs", paused=False, retention_s=60, consumer=None
    )

    async def wake_and_stop() -> bool:
        consumer = QueueConsumer(
            settings,
            MessageStore(tmp_path / "broker.sqlite3"),
            VirtualClock(Database(tmp_path / "clock.sqlite3", CONTROL_PLANE)),
            cast("DesiredState", None),  # asked for a deployment, and this queue has no consumer
            random.Random(1),  # noqa: S311 it shares out traffic, no secret
            on_dead_letter=lambda _: None,
        )
        await asyncio.sleep(0)  # the loop runs up to its wait
        consumer.wake()
        consumer.stop()
        ended = asyncio.ensure_future(consumer.ended())
        done, _ = await asyncio.wait({ended}, timeout=10)
        return bool(done)

    assert asyncio.run(wake_and_stop())
