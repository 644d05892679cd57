"""A rollback, from the choice of the release to the draft of the review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ops.access.identity import introduce
from ops.build.build import build_bundle
from ops.deploy.deployment import Deployment
from ops.deploy.notices.notifier import Notifier
from ops.deploy.release.account_versions import older_versions, read_version
from ops.deploy.release.pin_file import check_pin, read_pin, remove_pin, write_pin
from ops.deploy.release.records import ReleaseRecord, ReleaseRecords, read_tolerantly
from ops.deploy.release.release import Release
from ops.deploy.release.release_history import ReleaseHistory
from ops.deploy.release.target import MESSAGE, choose_target, newest_update
from ops.deploy.rollback.gate import Gate, GateResult
from ops.deploy.rollback.ledger import LedgerReading, read_ledger
from ops.deploy.rollback.plan import RollbackPlan, RollbackReport
from ops.deploy.rollback.post_mortem import commit_files, post_mortem_folder, uncommitted
from ops.deploy.rollback.release_settings import restore_settings
from ops.deploy.rollback.release_source import ReleaseSource, use_bundle
from ops.deploy.verification import PAUSE
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment, deploy_version, short_version
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, OperationError, StackFailed
from ops.stacks.local_cloud import require_local_cloud
from ops.stacks.moment import Stopwatch, counted


class Rollback:
    """Rolls one stack back.

    Args:
        context: the stack, and where its steps are shown.
        start: start the local cloud where the stack is on it; who only plans refuses instead.
    """

    def __init__(self, context: StackContext, *, start: bool = True) -> None:
        self._watch = Stopwatch()
        self._serving = 0.0
        self._context = context
        self._project = context.project
        self._stack = context.stack
        self._reporter = context.reporter
        self._stack_file = context.file.path
        self._deployment = Deployment(context)
        self._is_marked = False
        if context.is_local and not start:
            require_local_cloud(context.project, context.stack)
        self._deployment.prepare()
        self._account = StackAccount.of(context)
        self._outputs: Mapping[str, Any] = choose_driver(context).outputs(show_secrets=True)
        self._records = ReleaseRecords(self._account, str(self._outputs.get("d1_database_id")))

    def plan(self, *, to: str | None, force: bool = False) -> RollbackPlan:
        """Choose the release and check the gate; nothing is changed.

        Args:
            to: the release; ``None`` takes the last good one.
            force: tell what the gate would refuse, and go on.

        Raises:
            UsageError: no release has that name, or the stack's file can't take a pin.
            GateClosed: there is none to go back to.
        """
        introduce(self._context, needs_everything=False)
        with self._reporter.step("Releases") as step:
            records, problem = read_tolerantly(self._records)
            driver = choose_driver(self._context)
            updates = driver.history()
            older = older_versions(self._account, self._outputs)
            history = ReleaseHistory(
                self._outputs, updates, records, older, is_unfinished=driver.is_unfinished()
            )
            active = ActiveDeployment.of_worker(self._account, str(self._outputs["worker_name"]))
            step.detail = f"{len(history.releases)}, serving {short_version(active.main_version)}"
        if problem is not None:
            self._reporter.line(f"warning: what was verified isn't known: {problem}")
        target = choose_target(
            history,
            active,
            named=to,
            pin=read_pin(self._stack_file),
            last_update=newest_update(updates),
        )
        known = history.of_version(target.release.version_id)
        if known is not None and not known.is_listed:
            whole = read_version(self._account, self._outputs, target.release.version_id)
            target = replace(target, release=whole)
        result = self._judged(target.release, history.newest.fingerprints, force=force)
        if result.rotated and target.way == "pin":
            target = replace(target, way="new version")
        if target.way in {"pin", "new version"}:
            check_pin(self._stack_file)
        return RollbackPlan(
            stack=self._stack,
            bad=target.instead_of or history.newest,
            serves=active.main_version,
            is_deployed=active.shares == {target.release.version_id: 100.0},
            target=target,
            refusals=result.refusals,
            rotated=result.rotated,
        )

    def _judged(self, release: Release, today: Mapping[str, str], *, force: bool) -> GateResult:
        with self._reporter.step("Gate: schema, stores, secrets") as step:
            try:
                ledger = read_ledger(self._context, self._account, self._outputs)
            except OperationError as error:
                if not force:
                    raise
                ledger = LedgerReading((), "nobody", (str(error),))
            step.detail = f"{counted(len(ledger.applied), 'migration')}, as {ledger.source} says"
            gate = Gate(self._account, self._outputs, today=today, applied=ledger.applied)
            result = gate.check(release)
        for told in (*ledger.problems, *(f"not known: {one}" for one in result.unknown)):
            self._reporter.line(f"warning: {told}", style="yellow")
        if force and result.refusals:
            for refusal in result.refusals:
                self._reporter.line(f"warning: forced although: {refusal}", style="yellow")
            return replace(result, refusals=())
        return result

    def run(
        self,
        plan: RollbackPlan,
        *,
        reason: str,
        commit: bool,
        pause: float = PAUSE,
        settings: bool = False,
    ) -> RollbackReport:
        """Carry the plan out, verify, tell, and leave the draft of a review.

        Args:
            plan: what ``plan`` returned.
            reason: for the pin, the notices and the review.
            commit: whether pin and review are committed.
            pause: seconds between two health checks.
            settings: whether the release's ordinary settings go back into the stack's file too.

        Raises:
            GateClosed: the gate refused.
            OperationError: a step failed; running the same command again goes on.
        """
        if plan.refusals:
            raise GateClosed(" ".join(plan.refusals))
        if settings:
            self._restore_settings(plan.target.release)
        origin, notifier = self._context.origin, Notifier.of(self._context)
        notice = plan.notice(origin, str(self._outputs["worker_name"]))
        told = notifier.begin(notice)  # A receiver that hangs mustn't keep the bad version serving.
        try:
            try:
                version, unfinished = self._switched(plan, reason)
            finally:
                told()
            # Health alone says nothing of sends: a column may be gone that only they read.
            self._deployment.checks().run(
                self._outputs,
                version=version,
                pause=pause,
                integration=None,
                # A version keeps the settings that it was uploaded with.
                maintenance=None if plan.target.way == "new version" else False,
            )
        except OperationError as error:
            why = str(error).partition(". ")[0]
            notifier.tell(replace(notice, event="failed", status=f"the rollback failed: {why}."))
            raise
        self._note(version, ReleaseRecord("verified", actor=origin.actor))
        seconds = self._watch.seconds
        draft = None
        if plan.target.way != "nothing":
            review = plan.post_mortem(version, reason=reason, actor=origin.actor, seconds=seconds)
            draft = review.write(post_mortem_folder(self._context))
        if commit and draft is not None:
            self._commit(draft, version)
        status = f"version {short_version(version)} serves again and is verified"
        notifier.tell(replace(notice, event="rolled back", status=status, duration=seconds))
        left = uncommitted(self._project.root, [self._stack_file, draft])
        return RollbackReport(plan, version, self._serving, seconds, draft, unfinished, left)

    def _mark_bad(self, plan: RollbackPlan, reason: str) -> None:
        """Note it as soon as it serves no more, and not before: a switch may fail.

        What follows may be killed, and must not choose the bad release later.
        """
        if self._is_marked or plan.bad.version_id == plan.target.release.version_id:
            return
        self._is_marked = True
        record = ReleaseRecord(
            "rolled back",
            detail=reason,
            actor=self._context.origin.actor,
            commit=plan.bad.commit,
            bundle_sha256=plan.bad.bundle_sha256,
        )
        self._note(plan.bad.version_id, record)

    def _note(self, version: str, record: ReleaseRecord) -> None:
        try:
            self._records.write(version, record)
        except OperationError as error:
            self._reporter.line(
                f"warning: it isn't noted that {short_version(version)} is {record.result}: "
                f"{error}",
                style="yellow",
            )

    def _restore_settings(self, release: Release) -> None:
        with self._reporter.step(f"Settings of release {release.short}") as step:
            changed = restore_settings(self._stack_file, release)
            step.detail = ", ".join(changed) or "as they are"

    def _switched(self, plan: RollbackPlan, reason: str) -> tuple[str, str]:
        """Return the version that serves, and why the update after it failed, if it did.

        What made the deployment fail may still be there, such as an address that another Worker
        has: then the old version serves all the same, and the rest can wait.
        """
        try:
            return self._switch(plan, reason), ""
        except (StackFailed, GateClosed) as error:
            target = plan.target.release.version_id
            worker = str(self._outputs["worker_name"])
            active = ActiveDeployment.of_worker(self._account, worker)
            if active.shares != {target: 100.0}:
                raise
            self._reporter.line(f"warning: {error}", style="yellow")
            return target, str(error)

    def _switch(self, plan: RollbackPlan, reason: str) -> str:
        """Bring the target to serve, and return the version that does."""
        release, way = plan.target.release, plan.target.way
        if way in {"pin", "deploy again"} and not plan.is_deployed:
            # At once, by the API alone: the update below then makes the state say the same.
            worker = str(self._outputs["worker_name"])
            with self._reporter.step(f"Version {release.short} serves"):
                text = f"{MESSAGE} to {release.short}"
                deploy_version(self._account, worker, release.version_id, message=text)
                self._serving = self._watch.seconds
            self._mark_bad(plan, reason)
        if way in {"nothing", "deploy again"}:
            self._mark_bad(plan, reason)
            return release.version_id
        source = ReleaseSource(self._context)
        with source.of(plan.bad) as context:
            if way == "new version":
                return self._with_todays_secrets(plan, reason, context, source)
            self._pin(plan, release.version_id, reason, context)
        self._mark_bad(plan, reason)
        return release.version_id

    def _with_todays_secrets(
        self, plan: RollbackPlan, reason: str, context: StackContext, source: ReleaseSource
    ) -> str:
        """Upload the old release's code under today's secrets; the pin follows once it serves."""
        release = plan.target.release
        remove_pin(self._stack_file)
        with source.of(release) as old:
            use_bundle(old.project, context.project)
            update = self._deployment.update(
                f"{MESSAGE} to {release.short} with today's secrets",
                context.of_commit(release.commit),
            )
        self._serving = self._watch.seconds
        version = str(update.outputs["version_id"])
        if version == plan.bad.version_id:
            # The same code and settings with the same secrets: it isn't the one that is bad.
            self._reporter.line(
                f"Release {release.short} and what serves differ in secrets alone, and today's "
                f"hold: version {short_version(version)} serves on.",
                style="yellow",
            )
        else:
            self._mark_bad(plan, reason)
        build_bundle(context.project, context.file)
        self._pin(plan, version, reason, context)
        return version

    def _pin(self, plan: RollbackPlan, version: str, reason: str, context: StackContext) -> None:
        if version == plan.bad.version_id:
            remove_pin(self._stack_file)  # The newest release serves without one.
        else:
            write_pin(self._stack_file, version=version, bad=plan.bad, reason=reason)
        copy = context.project.root / self._stack_file.name
        if context.project.root != self._project.root and copy.exists():
            copy.write_bytes(self._stack_file.read_bytes())
        self._deployment.update(
            f"{MESSAGE} to {short_version(version)}", context.of_commit(plan.bad.commit)
        )

    def _commit(self, draft: Path, version: str) -> None:
        root = self._project.root
        message = f"Roll {self._stack} back to version {short_version(version)}"
        with self._reporter.step("Pin and draft committed") as step:
            told = commit_files(root, [self._stack_file, draft], message)
            step.detail = told or "nothing of them lies in the repository"
