"""Sends in batches beside sends one by one, in turn, so that a slow moment meets both."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.endpoint import Endpoint
from bench.figures import Figures
from bench.processes import measure_cpu
from notification_sdk import NotificationClient, NotificationRequest
from tests.installation import Installation

ROUNDS = 5
SENDS = 40
"""As many as a batch attempts within its request: both ways then do the same work."""
FULL = 100
_CONTENT = "It works"


def measure_batches(figures: Figures, installation: Installation, endpoint: Endpoint) -> None:
    """Compare `SENDS` sends in one batch with as many single ones of ten clients."""
    outputs = installation.outputs()
    with NotificationClient(
        outputs["service_url"], outputs["api_secret_key"], trust_env=False, timeout=120
    ) as client:
        client.configs.set("bench-batch", "webhook", {"webhook_url": endpoint.url})
        ways: dict[str, Callable[[], None]] = {
            "singly": lambda: _singly(client),
            "batch": lambda: _batch(client, SENDS),
        }
        for work in ways.values():
            work()  # warms caches, connections and the interpreter
        rates: dict[str, list[float]] = {name: [] for name in ways}
        cpu: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, work in ways.items():
                started = time.perf_counter()
                spent = measure_cpu(installation, work)
                rates[name].append(SENDS / (time.perf_counter() - started))
                cpu[name].append(spent.seconds * 1000 / SENDS)
        for name in ways:
            figures.rounds(f"{SENDS} sends, {name}", rates[name], "/s")
            figures.rounds(f"{SENDS} sends, {name}, processor time a send", cpu[name], "ms")
        figures.rounds("batch / singly", _ratios(rates["batch"], rates["singly"]), "ratio")
        figures.rounds(
            "batch / singly, processor time", _ratios(cpu["batch"], cpu["singly"]), "ratio"
        )
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


def _ratios(ours: list[float], others: list[float]) -> list[float]:
    return [mine / other for mine, other in zip(ours, others, strict=True)]
