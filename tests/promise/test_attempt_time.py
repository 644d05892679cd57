"""One attempt ends while the platform keeps it and its lease holds, however many calls it takes."""

from __future__ import annotations

import asyncio

from tests.promise.simulation import Simulation
from tests.timeline import Spell

KEPT_ALIVE_S = 30
"""How long the platform keeps work whose caller has hung up."""
ENDPOINT = "api.telegram.org/bot123456:a-token-of-some-length-here/sendMessage"


def test_an_attempt_of_many_calls_to_a_slow_endpoint_ends_in_time() -> None:
    with Simulation() as simulation:
        config = {
            "bot_token": "123456:a-token-of-some-length-here",
            "chat_id": "42",
            "split_long": True,
            "timeout": 20_000,
        }
        body = {"user_id": "ann", "channel_type": "telegram", "config_data": config}
        assert simulation.request("POST", "/api/user-configs", body).status == 201
        simulation.endpoints.plan(ENDPOINT, Spell(0, 10_000, takes=19))
        text = "push1end " + "word " * 10_000
        sent = simulation.begin(
            "POST",
            "/api/notifications/send",
            {"user_id": "ann", "channels": ["telegram"], "custom_content": {"content": text}},
        )
        simulation.loop.run_until_complete(asyncio.wait([sent.task]))
        answered = simulation.now
        simulation.pass_time(900)

    assert sent.answer is not None
    assert answered < KEPT_ALIVE_S
    assert len(simulation.endpoints.arrivals) > 1
    assert not simulation.log_sink.of_type("lease_lost")
