"""Values can't be changed once they are made, but for the few that collect something."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

COLLECTING = {
    "engine.alias_resolution.AliasResolution",
    "localcloud.analytics.d1_queries._Count",
    "localcloud.api.d1_transfer._Job",
    "localcloud.faults.Fault",
    "localcloud.sink.application._PlannedFailure",
    "localcloud.tail.tails.Tail",
    "notification_sdk._options.Pacer",
    "ops.deploy.key_rotation.RotationReport",
    "ops.deploy.recovery.RecoveryReport",
    "ops.deploy.rollout.report.RolloutReport",
    "ops.observe.diagnosis.branch.Branch",
    "ops.observe.reports.section.Section",
    "ops.observe.tail.line_statistics.LineStatistics",
}
"""Those that are made empty and filled in: reports, counts, what is under way."""


def _dataclasses(package: str) -> Iterator[tuple[str, type]]:
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        for name, found in vars(importlib.import_module(module.name)).items():
            if (
                isinstance(found, type)
                and dataclasses.is_dataclass(found)
                and found.__module__ == module.name
            ):
                yield f"{module.name}.{name}", found


@pytest.mark.parametrize(
    "package", ["cron", "engine", "infra", "localcloud", "notification_sdk", "ops"]
)
def test_a_value_cannot_be_changed_unless_it_collects(package: str) -> None:
    found = dict(_dataclasses(package))
    assert found
    changing = {
        name for name, each in found.items() if not vars(each)["__dataclass_params__"].frozen
    }
    assert changing == {name for name in COLLECTING if name.startswith(f"{package}.")}


HIDDEN = frozenset(
    {
        *("token", "broker_token", "secret", "passphrase", "password", "api_secret_key"),
        "environment",
    }
)
SHOWN = {
    "infra.access.calls.Call.token": "whose token makes a call",
    "infra.components.repository_access.RepositoryAccessArgs.environment": "GitHub's word",
    "ops.deploy.notices.notice.Notice.environment": "production, staging or development",
    "ops.deploy.rollout.report.RolloutReport.environment": "production, staging or development",
    "ops.stacks.plugins.Plugins.environment": "a path and a switch",
}
"""Fields of such a name that hold no secret, and what they hold."""


@pytest.mark.parametrize("package", ["engine", "infra", "localcloud", "ops"])
def test_what_may_hold_a_secret_is_not_in_a_values_text(package: str) -> None:
    shown = {
        f"{name}.{field.name}"
        for name, each in _dataclasses(package)
        for field in dataclasses.fields(each)
        if field.name in HIDDEN and field.repr
    }
    assert shown - set(SHOWN) == set()
