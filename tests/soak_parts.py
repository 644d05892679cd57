"""Which of the long counts one part of a run takes: ``SOAK_PART=2/8 make soak`` runs the second.

All of them take longer than a job at GitHub may (six hours): the nightly workflow deals them out.
`tests/soak_seconds.yaml` says how long each file takes, and each member of a test whose members
need nothing of each other. The longest is dealt first, each to the part that has the least so far.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.distribution import together
from tests.long_tests import long_files

VARIABLE = "SOAK_PART"
ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "tests" / "soak_seconds.yaml"
UNKNOWN_S = 120
"""Seconds of a file that neither table names."""
_PART = re.compile(r"([1-9]\d?)/([1-9]\d?)", re.ASCII)


@dataclass(frozen=True)
class Part:
    """One part of so many.

    Attributes:
        number: from 1.
        parts: how many there are.
    """

    number: int = 1
    parts: int = 1

    @classmethod
    def asked_for(cls) -> Part:
        """Return what the environment asks for: all in one part, if nothing.

        It is taken out of the environment: tests start runs of their own.

        Raises:
            pytest.UsageError: it isn't a part.
        """
        text = os.environ.pop(VARIABLE, "") or "1/1"
        found = _PART.fullmatch(text)
        if not found or int(found[1]) > int(found[2]):
            raise pytest.UsageError(
                f"{VARIABLE}={text!r} is no part. Write the part's number and how many there are, "
                "such as 2/8."
            )
        return cls(int(found[1]), int(found[2]))

    def take(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """Return this part of the long counts among a run's tests, in the run's order."""
        units: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in items:
            if item.get_closest_marker("soak") or item.get_closest_marker("judge"):
                units[unit(item.nodeid)].append(item)
        lasting = {
            name: seconds_of([item.nodeid for item in found]) for name, found in units.items()
        }
        names = set(dealt(lasting, self.parts)[self.number - 1])
        mine = {item for name in names for item in units[name]}
        return [item for item in items if item in mine]


@cache
def seconds() -> Mapping[str, int]:
    """Return the table by the paths of files and the ids of tests, without parameters."""
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return {f"tests/{name}": lasting for name, lasting in table.items()}


def unit(test: str) -> str:
    """Return the name under which a test is dealt out: its own, or that of what runs with it."""
    return test if test.partition("[")[0] in seconds() else together(test.partition("::")[0])


def seconds_of(tests: Sequence[str]) -> float:
    """Return how long tests take that are dealt out together."""
    alone = {test.partition("[")[0] for test in tests} & set(seconds())
    files = {test.partition("::")[0] for test in tests if test.partition("[")[0] not in alone}
    return sum(seconds()[name] for name in alone) + sum(map(_seconds_of_file, files))


def _seconds_of_file(file: str) -> int:
    if file in seconds():
        return seconds()[file]
    return long_files()[file].seconds if file in long_files() else UNKNOWN_S


def dealt(lasting: Mapping[str, float], parts: int) -> list[list[str]]:
    """Deal units out so that the parts take about as long as each other.

    Args:
        lasting: seconds by a unit's name.
        parts: how many parts there are.
    """
    found: list[list[str]] = [[] for _ in range(parts)]
    sums = [0.0] * parts
    for name in sorted(lasting, key=lambda name: (-lasting[name], name)):
        least = sums.index(min(sums))
        found[least].append(name)
        sums[least] += lasting[name]
    return found
