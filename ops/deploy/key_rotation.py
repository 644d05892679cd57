"""A rotation of keys from end to end: overlap, rewrap, retire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic.alias_generators import to_snake

from infra.release import secret_fingerprint
from ops.access.keys.generation import ROTATED, generate, record_of
from ops.access.keys.key_file import KeyFile
from ops.deploy.deployment import Deployment
from ops.deploy.key_rotation_trace import RotationTrace
from ops.stacks.console import Step
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, UsageError
from ops.stacks.local_stack import LocalStack
from ops.stacks.service import ServiceClient

ENCRYPTION = "encryptKey"
_TASK = {"taskName": "key_rotation"}
_MAX_RUNS = 2000
"""Runs of the service's task, of 500 rows each, before the re-encryption stops."""


@dataclass
class RotationReport:
    """What a rotation did.

    Attributes:
        stack: the stack.
        keys: the settings of the secrets.
        stage: ``overlap`` (old and new hold) or ``retired`` (the new one alone).
        resealed: stored configurations that were rewritten under the new key.
        version_id: the version that serves.
        made: the settings whose secrets this run made.
        retired_at: when an earlier run retired the predecessors, ISO-8601 in UTC, where this one
            had only to verify; else empty.
    """

    stack: str
    keys: Sequence[str]
    stage: str = "overlap"
    resealed: int = 0
    version_id: str = ""
    made: Sequence[str] = field(default_factory=tuple)
    retired_at: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as plain values; no secret is among them."""
        return {
            "stack": self.stack,
            "keys": list(self.keys),
            "made": list(self.made),
            "stage": self.stage,
            "resealed": self.resealed,
            "version_id": self.version_id,
            "retired_at": self.retired_at or None,
        }


class Rotation:
    """Rotates keys of one stack. Each step can be interrupted, and is taken up by the next run.

    Args:
        context: the stack, and where its steps are shown.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        self._stack = context.stack
        self._reporter = context.reporter
        self._deployment = Deployment(context)

    def begin(self, keys: Sequence[str]) -> RotationReport:
        """Make new keys, keep each one's predecessor, deploy both, and rewrite what is stored.

        A rotation that is under way goes on where it stopped: no second key is made.

        Raises:
            UsageError: a key can't be rotated so, or isn't set.
            StackFailed: the deployment failed; the keys before it hold on.
            GateClosed: stored configurations are there that no key opens.
        """
        report = RotationReport(self._stack, keys)
        with self._reporter.step("New keys beside the old ones") as step:
            report.made = self._make(keys)
            step.detail = ", ".join(report.made) or "made before; the rotation goes on"
        self._deploy(report, "Rotate keys: the old ones and the new ones hold")
        if ENCRYPTION in keys:
            report.resealed = self._rewrap()
        return report

    def finish(self, keys: Sequence[str]) -> RotationReport:
        """Retire the predecessors: from the deployment on only the new keys hold.

        Where an earlier run has retired them, what it deployed is verified: it may have been cut
        short before it could tell.

        Raises:
            UsageError: no rotation of these keys was ever begun.
            ServiceError: the service can't be asked which keys it has.
            GateClosed: the new keys aren't deployed yet, or something stored still needs the old
                encryption key.
            VerificationFailed: what is deployed doesn't work as it must.
        """
        report = RotationReport(self._stack, keys, stage="retired")
        file = self._key_file()
        there = [key for key in keys if file.plain(f"{key}Previous") is not None]
        if there:
            self._see_that_both_serve(file, there)
        else:
            outputs = self._deployment.outputs()
            trace = RotationTrace(outputs, keys)
            if not trace.overlapping:
                return self._verified(trace, outputs, report)
        if ENCRYPTION in there:
            report.resealed = self._rewrap()
        with self._reporter.step("Old keys taken out of the settings") as step:
            file.remove(*(f"{key}Previous" for key in there))
            step.detail = ", ".join(there) or "taken out before; what is deployed still has them"
        self._deploy(report, "Rotate keys: the old ones are retired")
        return report

    def _verified(
        self, trace: RotationTrace, outputs: Mapping[str, Any], report: RotationReport
    ) -> RotationReport:
        """Verify a stack on which nothing is left to retire."""
        if not trace.retired:
            raise UsageError(
                f"No rotation of {', '.join(report.keys)} was begun on '{self._stack}', so there "
                "is nothing to finish. Begin one: notifyctl keys rotate --stack "
                f"{self._stack} {' '.join(report.keys)}"
            )
        report.keys, report.retired_at = trace.retired, trace.retired_at
        report.version_id = str(outputs.get("serving_version_id", ""))
        self._deployment.checks().run(outputs)
        return report

    def _see_that_both_serve(self, file: KeyFile, keys: Sequence[str]) -> None:
        """Ask the service for its keys: a run that was cut short may have made new ones alone.

        Without them in the service nothing is written under the new key, and the old one, which
        opens all that is stored, would be lost.
        """
        worker = str(self._deployment.outputs()["worker_name"])
        with self._reporter.step("Both keys serve"), self._service() as service:
            served = service.secret_fingerprints() or {}
            lacking = [
                key
                for key in keys
                for name in (key, f"{key}Previous")
                if served.get(to_snake(name))
                != secret_fingerprint(to_snake(name), file.read(name), worker)
            ]
            if lacking:
                named = ", ".join(dict.fromkeys(lacking))
                raise GateClosed(
                    f"The new {named} of '{self._stack}' are in the settings but not "
                    "deployed, because an earlier rotation was interrupted. Nothing was changed. "
                    "Deploy "
                    f"them first: notifyctl keys rotate --stack {self._stack} {' '.join(keys)}"
                )

    def _make(self, keys: Sequence[str]) -> tuple[str, ...]:
        file = self._key_file()
        for key in keys:
            if key not in ROTATED:
                raise UsageError(
                    f"{key} can't be rotated with an overlap: use 'notifyctl keys rotate "
                    f"--settings-only {key}' and deploy."
                )
            if file.plain(key) is None:
                raise UsageError(
                    f"{key} of '{self._stack}' isn't set. Deploy first, or use 'notifyctl keys "
                    "generate --set'."
                )
        for key in keys:
            if file.plain(f"{key}Previous") is None:
                file.copy(key, f"{key}Previous")
        # An interruption after the copy left the same text in both: the new key isn't made yet.
        wanted = [key for key in keys if file.plain(f"{key}Previous") == file.plain(key)]
        made = generate(wanted)
        today = datetime.now(UTC).date()
        # The file of a stack on this machine is rendered, and its keys have no dates.
        dates = (
            {}
            if self._context.is_local
            else record_of(made, today=today, recorded=file.fingerprints)
        )
        if made:
            file.write(made, dates)
        return tuple(made)

    def _deploy(self, report: RotationReport, message: str) -> None:
        update = self._deployment.run(message=message, verify=True).update
        report.version_id = str(update.outputs.get("serving_version_id", ""))

    def _rewrap(self) -> int:
        title = "Stored configurations under the new key"
        with self._reporter.step(title) as step, self._service() as service:
            return rewrap(service, step)

    @contextmanager
    def _service(self) -> Iterator[ServiceClient]:
        outputs = self._deployment.outputs()
        with ServiceClient(str(outputs["service_url"]), str(outputs["api_secret_key"])) as service:
            yield service

    def _key_file(self) -> KeyFile:
        context = self._context
        if not context.is_local:
            return KeyFile.of(context)
        own = [key for key in ROTATED if context.file.checked.is_set(key)]
        if own:
            raise UsageError(
                f"{context.file.path.name} sets {', '.join(own)} itself. Take it out there: the "
                "keys of a stack on this machine are made with it."
            )
        local = LocalStack.prepare(context)
        return KeyFile(
            local.config_file, self._stack, root=context.project.root, passphrase=local.passphrase
        )


def rewrap(service: ServiceClient, step: Step) -> int:
    """Run the service's task until no stored configuration is left under another key.

    Args:
        service: the deployed service, which has both keys.
        step: told after each run how many rows were written again.

    Returns:
        How many rows were written again.

    Raises:
        GateClosed: rows are left that neither key opens, or after `_MAX_RUNS` runs.
        ServiceError: the service refused, gave no answer, or one of an unknown form.
    """
    resealed = 0
    for _ in range(_MAX_RUNS):
        with service.understood("POST /api/scheduled-tasks/trigger"):
            run = service.result("POST", "/api/scheduled-tasks/trigger", body=_TASK)["data"]
            now, unreadable = int(run["resealed"]), int(run["unreadable"])
            left = {k: int(n) for k, n in run["rowsByKey"].items() if k != run["currentKey"]}
        resealed += now
        step.detail = f"{resealed} rewritten"
        if not left:
            return resealed
        if unreadable and not now:
            raise GateClosed(
                f"{sum(left.values())} stored configurations can be opened by neither "
                "key. Restore the key that wrote them as encryptKeyPrevious, or have "
                "them configured again, and run the command again."
            )
    raise GateClosed(
        f"{sum(left.values())} stored configurations are still under another key after "
        f"{_MAX_RUNS} runs. Run the command again."
    )
