"""The drift probe of one stack, and its repair."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from infra.release import config_digest
from infra.settings import SettingsError, read_settings
from ops.build.build import build_bundle
from ops.github.repository import Repository
from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.finding import Finding, Repair, Unknown, Unmanaged
from ops.observe.drift.github_probe import GithubProbe
from ops.observe.drift.managed import Managed, managed_resources
from ops.observe.drift.placement_probe import PLACEMENT, PlacementProbe
from ops.observe.drift.repair import BY_HAND, repair
from ops.observe.drift.secrets_probe import SecretsProbe
from ops.stacks.account import StackAccount
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.deployment_report import StackDeployer
from ops.stacks.errors import GateClosed, OperationError, StackFailed, UsageError
from ops.stacks.local_cloud import require_local_cloud
from ops.stacks.local_stack import LocalStack
from ops.stacks.origin import short_hash


@dataclass(frozen=True)
class DriftReport:
    """What a probe found.

    Attributes:
        stack: the stack's name.
        checked: number of resources that were compared.
        findings: what differs, in the state's order.
        unknown: what couldn't be compared.
        unmanaged: what somebody set and the program doesn't.
    """

    stack: str
    checked: int
    findings: tuple[Finding, ...]
    unknown: tuple[Unknown, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the report for ``--json``."""
        return {
            "stack": self.stack,
            "checked": self.checked,
            "drifted": len(self.findings),
            "findings": [finding.document() for finding in self.findings],
            "unknown": [unknown.document() for unknown in self.unknown],
            "unmanaged": [unmanaged.document() for unmanaged in self.unmanaged],
        }

    @property
    def unknown_lines(self) -> list[str]:
        """What couldn't be compared and why, a line for each kind and reason."""
        found = (f"drift of {one.kind} isn't known: {one.reason}" for one in self.unknown)
        return list(dict.fromkeys(found))

    @property
    def advice(self) -> str:
        """What puts the differences right, as a sentence."""
        told = self.by_hand
        if any(f.repair is not Repair.NONE for f in self.findings) and not self.has_lost_database:
            repaired = f"Correct it with 'notifyctl drift --stack {self.stack} --repair'."
            return f"{repaired} {told}".rstrip()
        return told

    @property
    def by_hand(self) -> str:
        """What a person does about the differences that no command repairs, as sentences."""
        kinds = dict.fromkeys(f.kind for f in self.findings if f.repair is Repair.NONE)
        if self.has_lost_database:
            kinds = {"database": None}
        return " ".join(BY_HAND[kind] for kind in kinds)

    @property
    def has_lost_database(self) -> bool:
        """Whether the database is gone: then nothing else is repaired either."""
        return any(finding.kind == "database" for finding in self.findings)


class Drift:
    """Probes one stack; the account, the repository and the running service are only read.

    Args:
        context: the stack, and where its steps are shown.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        self._stack = context.stack
        self._reporter = context.reporter

    def probe(self) -> DriftReport:
        """Compare everything.

        Raises:
            StackFailed: the stack isn't deployed.
            ServiceError: it is a local stack whose cloud doesn't run.
            OperationError: an API refused, or gave no answer.
        """
        if self._context.is_local:
            require_local_cloud(self._context.project, self._stack)
        with self._reporter.step(f"Drift of the stack {self._stack}") as step:
            driver = choose_driver(self._context)
            resources = managed_resources(driver.resources())
            outputs = driver.outputs(show_secrets=True)
            if not resources:
                raise StackFailed(
                    f"The stack '{self._stack}' isn't deployed, so nothing can have drifted. "
                    f"Run 'notifyctl up --stack {self._stack}'."
                )
            findings, unmanaged, unknown = self._compared(resources)
            # A stack of access alone has no service to ask.
            if "service_url" in outputs:
                secrets, unasked = SecretsProbe(outputs).look()
                findings, unknown = [*findings, *secrets], [*unknown, *unasked]
            step.detail = f"{len(resources)} resources, {len(findings)} differences"
            if unknown:
                step.detail += f", {len(unknown)} unknown"
        return DriftReport(
            self._stack, len(resources), tuple(findings), tuple(unknown), tuple(unmanaged)
        )

    def repair(self, report: DriftReport, deployer: StackDeployer) -> None:
        """Put right what the report found: explicit calls first, then a refresh and an update.

        Args:
            report: what :meth:`probe` found.
            deployer: makes the refresh and the update.

        Raises:
            GateClosed: the repair needs an update, and this checkout isn't what is deployed.
            OperationError: a call or the update failed; run the same command again to go on.
        """
        if report.has_lost_database:
            # A refresh would forget the database, and an update make an empty one in its place.
            raise StackFailed(
                f"The database of '{self._stack}' is gone, so nothing was repaired: an update "
                "would create an empty one. Ask Cloudflare's support to restore it, or run "
                f"'notifyctl refresh --stack {self._stack}' and 'notifyctl up --stack "
                f"{self._stack}', then restore a backup with 'notifyctl db'."
            )
        needs_update = any(finding.repair is Repair.UPDATE for finding in report.findings)
        if needs_update:
            self._require_deployed_code()
        resources = {
            resource.name: resource
            for resource in managed_resources(choose_driver(self._context).resources())
        }
        calls = [finding for finding in report.findings if finding.repair is Repair.CALL]
        # One call puts a consumer's settings back, or all secrets, however many differ.
        for finding in {(call.resource, call.kind): call for call in calls}.values():
            with self._reporter.step(f"{finding.resource}: {finding.kind} put back"):
                resource = resources[finding.resource]
                repair(self._probe_of(resource), finding, resource)
        if needs_update:
            deployer.refresh()
            deployer.run(message="Repair of drift", verify=False)

    def _require_deployed_code(self) -> None:
        """Let a repair deploy what is deployed already: it is no way around the gates."""
        outputs = choose_driver(self._context).outputs(show_secrets=False)
        release = outputs.get("release") or {}
        pairs = {
            "bundle": (
                release.get("bundle_sha256"),
                build_bundle(self._context.project, self._context.file).sha256,
            ),
            "settings": (release.get("config_digest"), _settings_digest(self._context)),
        }
        differing = [
            name for name, (wanted, here) in pairs.items() if wanted and here and wanted != here
        ]
        if differing:
            commit = short_hash(str(release.get("commit") or ""))
            where = f"check out its commit {commit}" if commit else "check out what is deployed"
            verb = "differs" if differing == ["bundle"] else "differ"
            raise GateClosed(
                f"The repair needs an update, and the {' and '.join(differing)} of this checkout "
                f"{verb} from what is deployed, so nothing was repaired: {where} and run the "
                "same command again, or deploy this checkout with 'notifyctl deploy --stack "
                f"{self._stack}'."
            )

    def _probe_of(self, resource: Managed) -> CloudflareProbe | GithubProbe | PlacementProbe:
        if resource.type == PLACEMENT:
            return self._placement
        return self._github if resource.type.startswith("github:") else self._cloudflare

    @cached_property
    def _github(self) -> GithubProbe:
        return GithubProbe(Repository.of(self._context))

    @cached_property
    def _placement(self) -> PlacementProbe:
        return PlacementProbe(StackAccount.of(self._context))

    @cached_property
    def _cloudflare(self) -> CloudflareProbe:
        return CloudflareProbe(StackAccount.of(self._context))

    def _compared(
        self, resources: list[Managed]
    ) -> tuple[list[Finding], list[Unmanaged], list[Unknown]]:
        """Compare every resource; one that can't be is unknown and stops no other."""
        # A credential that is missing is told before anything is asked.
        probes = [self._probe_of(resource) for resource in resources]
        found: list[Finding | Unmanaged] = []
        unknown: list[Unknown] = []
        for resource, probe in zip(resources, probes, strict=True):
            kind = resource.type.partition(":")[2]
            try:
                found += probe.findings(resource)
            except OperationError as error:
                unknown.append(Unknown(kind, resource.name, str(error)))
            except (KeyError, TypeError, ValueError, AttributeError, IndexError):
                reason = "The API's answer has an unknown form. Try again."
                unknown.append(Unknown(kind, resource.name, reason))
        findings = [one for one in found if isinstance(one, Finding)]
        return findings, [one for one in found if isinstance(one, Unmanaged)], unknown


def _settings_digest(context: StackContext) -> str:
    """Return the digest that a release of these settings has; empty where only Pulumi knows them.

    Raises:
        UsageError: the settings have mistakes.
    """
    path = context.file.path
    if context.is_local:
        path = LocalStack.prepare(context).config_file
    elif not context.file.is_whole:
        return ""
    try:
        return config_digest(read_settings(path))
    except SettingsError as error:
        raise UsageError(str(error)) from None
