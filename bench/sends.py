"""A send's throughput and latency, beside the floor's, in one run."""

from __future__ import annotations

import json
import statistics
import time

from bench.endpoint import Endpoint
from bench.figures import Figures
from bench.floor import HOST, deploy_floor
from bench.load import LoadResult, load
from ops.service import sign
from tests.installation import Installation

CLIENTS = (1, 10, 50)
ROUNDS = 3
SEND = "/api/notifications/send"
USER = "bench"


def measure_sends(figures: Figures, installation: Installation, *, seconds: int) -> None:
    """Load the service and the floor in turn, so that a slow moment of the machine meets both."""
    with Endpoint() as endpoint:
        with installation.service() as service:
            config = {"webhook_url": endpoint.url}
            service.result(
                "POST",
                "/api/user-configs",
                body={"user_id": USER, "channel_type": "webhook", "config_data": config},
            )
        deploy_floor(installation, endpoint=endpoint.url)
        outputs = installation.outputs()
        url, key = outputs["service_url"], outputs["api_secret_key"]
        _send(url, key, clients=10, seconds=seconds)  # warms both caches and the interpreter
        _floor(url, clients=10, seconds=seconds)
        for clients in CLIENTS:
            ours, floors = [], []
            for _ in range(ROUNDS):
                ours.append(_send(url, key, clients=clients, seconds=seconds))
                floors.append(_floor(url, clients=clients, seconds=seconds))
            _report(figures, clients, ours, floors)


def _report(
    figures: Figures, clients: int, ours: list[LoadResult], floors: list[LoadResult]
) -> None:
    label = f"{clients} client{'' if clients == 1 else 's'}"
    for name, results in (("send", ours), ("floor", floors)):
        rates = sorted(result.per_second for result in results)
        spread = f"{rates[0]:.0f} to {rates[-1]:.0f} in {ROUNDS} rounds"
        failed = sum(result.failed for result in results)
        figures.add(
            f"{name}, {label}", statistics.median(rates), "/s", f"{spread}, {failed} failed"
        )
        for quantile in ("p50", "p99"):
            values = [getattr(result, quantile) for result in results]
            figures.add(f"{name}, {label}, {quantile}", statistics.median(values), "ms")
    ratios = [mine.per_second / floor.per_second for mine, floor in zip(ours, floors, strict=True)]
    note = f"goal: at least 0.8; {min(ratios):.2f} to {max(ratios):.2f}, pair by pair"
    figures.add(f"send / floor, {label}", statistics.median(ratios), "ratio", note)


def _send(url: str, key: str, *, clients: int, seconds: int) -> LoadResult:
    body = json.dumps(
        {
            "user_id": USER,
            "channels": ["webhook"],
            "custom_content": {"subject": "Hello", "content": "It works"},
        }
    )
    timestamp = str(int(time.time() * 1000))
    headers = {
        "Content-Type": "application/json",
        "X-Timestamp": timestamp,
        "X-Signature-Version": "2",
        "X-Signature": sign(key, timestamp, "POST", SEND, body.encode()),
    }
    return load(url + SEND, clients=clients, seconds=seconds, body=body, headers=headers)


def _floor(url: str, *, clients: int, seconds: int) -> LoadResult:
    return load(
        url + "/",
        clients=clients,
        seconds=seconds,
        body="{}",
        headers={"Host": HOST, "Content-Type": "application/json"},
    )
