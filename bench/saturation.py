"""Where the design saturates: a simulation of sends that share one or several D1 databases.

A database runs one query after another, so it is a queue with one server. Everything else grows
with the load: Cloudflare starts isolates as they are needed, and each endpoint waits for itself.
A send asks the database twice, with its endpoint's answer in between, and a retry asks more often;
the counts are those that the cost model uses, metered on the local cloud. What one query takes is
Cloudflare's figure, 1 ms (developers.cloudflare.com/d1/platform/limits), with an exponential
spread. Recipients are spread over the databases as a hash would spread them, but for one whose
share can be set: that one can't be spread.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Generator
from dataclasses import dataclass

import simpy

from bench.figures import Figures
from ops.observe.cost.model import Counts
from ops.observe.cost.prices import QUEUE_MESSAGES_PER_SECOND

SHARDS = (1, 2, 4, 8)
HOT = (0.0, 0.2)
LIMIT_S = 1.0
"""A load is too high if one send in a hundred waits longer than that for the database."""
SEED = 7
SENDS = 20_000


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a send asks for.

    Attributes:
        query_ms: what the database takes for one batch, on average.
        endpoint_ms: what an endpoint takes to answer, on average.
        round_trips: batches of a send.
        retry_share: retries for each send.
        retry_round_trips: batches of a retry.
    """

    query_ms: float = 1.0
    endpoint_ms: float = 50.0
    round_trips: int = 2
    retry_share: float = 0.02
    retry_round_trips: int = 5

    @property
    def batches(self) -> float:
        """Batches of a send, its retries included."""
        return self.round_trips + self.retry_share * self.retry_round_trips


@dataclass(frozen=True, kw_only=True)
class Waits:
    """What sends waited for the database beyond its own work, in seconds, and how busy it was.

    Attributes:
        busiest: the share of the time in which the busiest database worked.
    """

    p50: float
    p99: float
    busiest: float


def simulate(
    design: Design,
    *,
    per_second: float,
    shards: int = 1,
    hot_share: float = 0.0,
    sends: int = SENDS,
    seed: int = SEED,
) -> Waits:
    """Let ``sends`` arrive at random, ``per_second`` on average, and measure their waits.

    Args:
        design: what each of them asks for.
        per_second: the load.
        shards: databases.
        hot_share: share of the sends that go to one recipient, so to one database.
        sends: how many arrive.
        seed: of the random numbers; the same one gives the same result.
    """
    chance = random.Random(seed)  # noqa: S311 not for secrets
    world = simpy.Environment()
    databases = [simpy.Resource(world) for _ in range(shards)]
    worked = [0.0] * shards
    waits: list[float] = []

    def ask(shard: int) -> Generator[simpy.Event, None, float]:
        begun = world.now
        with databases[shard].request() as turn:
            yield turn
            waited = world.now - begun
            took = chance.expovariate(1000 / design.query_ms)
            worked[shard] += took
            yield world.timeout(took)
        return waited

    def send(shard: int) -> Generator[simpy.Event, None, None]:
        waited = 0.0
        for trip in range(design.round_trips):
            if trip:
                yield world.timeout(chance.expovariate(1000 / design.endpoint_ms))
            waited += yield from ask(shard)
        waits.append(waited)
        if chance.random() < design.retry_share:
            for _ in range(design.retry_round_trips):
                yield from ask(shard)

    def arrive() -> Generator[simpy.Event, None, None]:
        for _ in range(sends):
            yield world.timeout(chance.expovariate(per_second))
            hot = chance.random() < hot_share
            world.process(send(0 if hot else chance.randrange(shards)))

    world.process(arrive())
    world.run()
    waits.sort()
    return Waits(
        p50=statistics.median(waits),
        p99=waits[int(len(waits) * 0.99)],
        busiest=max(worked) / world.now,
    )


def saturation(design: Design, *, shards: int = 1, hot_share: float = 0.0) -> float:
    """Return the highest load, in sends a second, at which the databases still keep up.

    It lies between the load of an idle database and the one at which the busiest has no pause.
    """
    share = hot_share + (1 - hot_share) / shards
    low, high = 0.0, 1000 / design.query_ms / design.batches / share * 1.2
    while high - low > high * 0.02:
        middle = (low + high) / 2
        # As many sends as arrive in 20 s, or a load that is too high wouldn't show.
        sends = int(middle * 20)
        waits = simulate(design, per_second=middle, shards=shards, hot_share=hot_share, sends=sends)
        low, high = (middle, high) if waits.p99 <= LIMIT_S else (low, middle)
    return low


def measure_saturation(figures: Figures) -> None:
    """Report where one and several databases saturate, without and with a hot recipient."""
    counts = Counts.load()
    design = Design(
        round_trips=int(counts.round_trips), retry_round_trips=int(counts.retry["round_trips"])
    )
    for hot_share in HOT:
        for shards in SHARDS:
            found = saturation(design, shards=shards, hot_share=hot_share)
            name = f"saturation, {shards} database{'' if shards == 1 else 's'}"
            if hot_share:
                name += f", {hot_share:.0%} to one recipient"
            note = f"sends whose p99 waits at most {LIMIT_S:g} s, at {design.query_ms:g} ms a query"
            figures.add(name, found, "/s", note)
    queue = QUEUE_MESSAGES_PER_SECOND / design.retry_share
    figures.add("saturation, retry queue", queue, "/s", f"at {design.retry_share:.0%} retries")
