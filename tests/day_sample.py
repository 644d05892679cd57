"""What `make test` runs of a long list: a sample, and another one each day.

A test that is marked ``sample(count)`` has more members than a run before a commit can afford. The
day's seed chooses so many of them; the others are left to `make soak`, which runs them all.
``TEST_SEED=20261129 make test`` runs the sample of that day again.
"""

from __future__ import annotations

import datetime
import os
import random
from collections import defaultdict
from collections.abc import Sequence

import pytest

VARIABLE = "TEST_SEED"


def seed() -> str:
    """Return the run's seed: what `TEST_SEED` says, else the day, in UTC.

    It is kept in the environment, so that every process of a run has the same one.
    """
    today = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")
    return os.environ.setdefault(VARIABLE, today)


def chance(name: str) -> random.Random:
    """Return the source of the choices of one test, the same for a whole day."""
    return random.Random(f"{seed()} {name}")  # noqa: S311 - a choice that can be made again


def soaking(config: pytest.Config) -> bool:
    """Whether a run takes the full counts: `make soak`, and any other that asks for them alone."""
    expression: str = config.getoption("markexpr")
    return "soak" in expression and "not soak" not in expression


def leave_to_soak(items: Sequence[pytest.Item], *, all_of_them: bool) -> None:
    """Mark with ``soak`` what the day's sample leaves out, or all members of a sampled test."""
    members: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sample") and not item.get_closest_marker("soak"):
            members[item.nodeid.partition("[")[0]].append(item)
    for name, found in members.items():
        mark = found[0].get_closest_marker("sample")
        assert mark is not None
        chosen = chance(name).sample(range(len(found)), min(mark.args[0], len(found)))
        for number, item in enumerate(found):
            if all_of_them or number not in chosen:
                item.add_marker(pytest.mark.soak)
