"""Sends in batches beside single ones and the peer's, in turn: a slow moment meets all of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.endpoint import Endpoint
from bench.figures import Figures
from bench.load import load
from bench.peer import Peer
from bench.processes import measure_load, measure_shares
from bench.send_load import signed_headers
from notification_sdk import NotificationClient, NotificationRequest
from tests.installation import Installation

ROUNDS = 5
SENDS = 40
"""As many as a batch attempts within its request: all ways then do the same work."""
FULL = 100
_CONTENT = "It works"
_PATH = "/api/notifications/batch"


def measure_batches(
    figures: Figures, installation: Installation, endpoint: Endpoint, *, folder: Path
) -> None:
    """Compare `SENDS` sends in one batch with single ones of ten clients, ours and the peer's."""
    outputs = installation.outputs()
    with (
        NotificationClient(
            outputs["service_url"], outputs["api_secret_key"], trust_env=False, timeout=120
        ) as client,
        Peer(folder, endpoint=endpoint.url) as peer,
    ):
        client.configs.set("bench-batch", "webhook", {"webhook_url": endpoint.url})
        ways: dict[str, Callable[[], tuple[float, float]]] = {
            "singly": lambda: _ours(installation, lambda: _singly(client)),
            "batch": lambda: _ours(installation, lambda: _batch(client, SENDS)),
            "batches of 4 clients": lambda: _side_by_side(installation, endpoint),
            "peer": lambda: _peers(peer),
        }
        for work in ways.values():
            work()  # warms caches, connections and the interpreter
        rounds = [{name: work() for name, work in ways.items()} for _ in range(ROUNDS)]
        for name in ways:
            figures.rounds(f"{SENDS} sends, {name}", [each[name][0] for each in rounds], "/s")
            spent = [each[name][1] * 1000 for each in rounds]
            figures.rounds(f"{SENDS} sends, {name}, processor time a send", spent, "ms")
        for one, other, goal in (
            ("batch", "singly", ""),
            ("batch", "peer", "one client beside ten"),
            ("batches of 4 clients", "peer", "goal: at least 2"),
        ):
            ratios = [each[one][0] / each[other][0] for each in rounds]
            figures.rounds(f"{one} / {other}", ratios, "ratio", goal)
            spent = [each[one][1] / each[other][1] for each in rounds]
            figures.rounds(f"{one} / {other}, processor time", spent, "ratio")
        accepted = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            _batch(client, FULL)
            accepted.append(FULL / (time.perf_counter() - started))
        note = f"{SENDS} attempted, the others accepted and left to the queue"
        figures.rounds(f"batch of {FULL}", accepted, "/s", note)


def _requests(count: int) -> list[NotificationRequest]:
    return [
        NotificationRequest(
            user_id="bench-batch", channels=("webhook",), custom_content={"content": _CONTENT}
        )
        for _ in range(count)
    ]


def _singly(client: NotificationClient) -> None:
    outcome = client.send_batch_notifications(_requests(SENDS), concurrency=10)
    if outcome.failed:
        raise RuntimeError(f"{len(outcome.failed)} sends failed: {outcome.failed[0].error}")


def _batch(client: NotificationClient, count: int) -> None:
    outcome = client.send_bulk(_requests(count))
    if outcome.failed:
        raise RuntimeError(f"{len(outcome.failed)} sends failed: {outcome.failed[0].error}")


def _side_by_side(installation: Installation, endpoint: Endpoint) -> tuple[float, float]:
    """Return what several clients reach, each with one batch after the other.

    Raises:
        RuntimeError: a batch was refused, or fewer sends arrived than were answered.
    """
    outputs = installation.outputs()
    send: dict[str, Any] = {"user_id": "bench-batch", "channels": ["webhook"]}
    send |= {"custom_content": {"content": _CONTENT}}
    body = json.dumps({"notifications": [send] * SENDS})
    headers = signed_headers(outputs["api_secret_key"], _PATH, body)
    url, before = outputs["service_url"] + _PATH, endpoint.received()
    result, shares = measure_load(
        installation, lambda: load(url, clients=4, seconds=2, body=body, headers=headers)
    )
    sends = result.answers * SENDS
    if result.failed or endpoint.received() - before < sends:
        raise RuntimeError(f"{result.failed} batches failed, or sends did not arrive")
    return result.per_second * SENDS, sum(shares.values()) / sends


def _ours(installation: Installation, work: Callable[[], None]) -> tuple[float, float]:
    """Return sends a second, and processor seconds of a send in all processes of the cloud."""
    took: list[float] = []

    def timed() -> None:
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)

    shares = measure_shares(installation, timed)
    return SENDS / took[0], sum(shares.values()) / SENDS


def _peers(peer: Peer) -> tuple[float, float]:
    result, shares = peer.run(clients=10, seconds=2)
    return result.per_second, sum(shares.values()) / result.answers
