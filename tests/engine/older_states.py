"""What each earlier version of the provider would have left of a resource in a state.

Read in cloudflare/terraform-provider-cloudflare, internal/services/*/schema.go, at the tag that
each pulumi-cloudflare is built on: the version of each resource's schema, and attributes that are
not there yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Resource = dict[str, Any]
_CAME_WITH: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "D1Database": {"jurisdiction": (6, 12)},
    "Worker": {"references": (6, 11), "deployedOn": (6, 15), "observability.traces": (6, 15)},
    "WorkerVersion": {
        "startupTimeMs": (6, 12),
        "mainScriptBase64": (6, 13),
        "urls": (6, 15),
        "migrationTag": (6, 15),
        "containers": (6, 15),
    },
    "QueueConsumer": {"queueName": (6, 14)},
    "Queue": {"consumers": (6, 14)},  # Its parts had other names; without any it is read anew.
    "WorkersCustomDomain": {"certId": (6, 15)},
}
"""The first version with the output; `a.b` is a part of one."""
_NUMBERED_IN_6_14 = (
    *("WorkersKvNamespace", "Queue", "QueueConsumer", "WorkersCronTrigger", "WorkersCustomDomain"),
)
REFUSED = {
    "Queue": "name is required for queue migration",
    "QueueConsumer": 'could not find attribute or block "script"',
}
"""What the real plugin from 6.15 on says of states without a number of their schema.

It takes such a queue for one of version 4, which had another attribute for the name, and keeps an
attribute of such a consumer that its schema has no more (migrations.go of both). Numbered 1, as
6.14 numbers them, it reads them.
"""


@dataclass(frozen=True)
class Era:
    """The versions of the provider from one change of its schemas to the next."""

    version: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.version[0]}.{self.version[1]}.0"

    def schema_version(self, kind: str) -> int:
        """The version of a resource's schema; 0 is noted nowhere."""
        if kind == "WorkerVersion":
            return 1 if self.version >= (6, 12) else 0
        if kind == "WorkersRoute":
            return 2 if self.version >= (6, 14) else 0
        return 1 if self.version >= (6, 14) and kind in _NUMBERED_IN_6_14 else 0

    @property
    def completed(self) -> list[str]:
        """What an update writes anew, in its place: the Worker, whose traces have defaults now."""
        return ["w"] if self.version < _CAME_WITH["Worker"]["observability.traces"] else []

    def rewrite(self, resource: Resource) -> None:
        """Make a resource of today's state one of this era's."""
        package, _, kind = str(resource["type"]).partition(":index/")
        kind = kind.rpartition(":")[2]
        if resource["type"] == "pulumi:providers:cloudflare":
            for part in ("inputs", "outputs"):
                resource[part]["version"] = str(self)
        if package != "cloudflare" or not kind:
            return
        outputs = resource["outputs"]
        outputs.pop("__meta", None)
        noted = ((outputs.get("__pulumi_raw_state_delta") or {}).get("obj") or {}).get("ps") or {}
        if version := self.schema_version(kind):
            outputs["__meta"] = json.dumps({"schema_version": str(version)})
        for name, since in _CAME_WITH.get(kind, {}).items():
            whole, _, part = name.partition(".")
            if self.version >= since:
                continue
            if part:
                (outputs.get(whole) or {}).pop(part, None)
                inner = (noted.get(whole) or {}).get("obj") or {}
                (inner.get("ps") or {}).pop(part, None)
            else:
                outputs.pop(whole, None)
                noted.pop(whole, None)


ERAS = tuple(Era((6, minor)) for minor in (8, 11, 12, 13, 14))
"""From the first version that has Worker and WorkerVersion to the last before 6.15."""
