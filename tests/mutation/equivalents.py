"""Faults that were judged to change no answer, in `equivalents.yaml`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import cosmic_ray.plugins
import yaml
from cosmic_ray.mutating import mutate_code

from tests.mutation.sample import ROOT, Fault

TABLE = Path(__file__).with_suffix(".yaml")

Change = tuple[str, str]
"""The line of a fault, and the first line that it makes another, without indentation."""


@cache
def equivalents() -> Mapping[str, Collection[Change]]:
    """Return the judged changes by the path of their module."""
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return {
        module: [(row["line"], changed) for row in rows for changed in row["changed"]]
        for module, rows in table.items()
    }


def is_equivalent(fault: Fault) -> bool:
    """Say whether a fault is one of the judged."""
    judged = [made for line, made in equivalents().get(fault.module, ()) if line == line_of(fault)]
    return bool(judged) and made_by(fault) in judged


def line_of(fault: Fault) -> str:
    """Return the line of a fault as it is."""
    return (ROOT / fault.module).read_text(encoding="utf-8").splitlines()[fault.line - 1].strip()


def made_by(fault: Fault) -> str:
    """Return the first line that a fault makes another, as it is then."""
    code = (ROOT / fault.module).read_text(encoding="utf-8")
    operator = cosmic_ray.plugins.get_operator(fault.operator)()
    changed = str(mutate_code(code, operator, fault.occurrence))
    pairs = zip(code.splitlines(), changed.splitlines(), strict=False)
    return next(after for before, after in pairs if before != after).strip()
