"""A deployment from the first notice to the report, and back where it turns out bad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ops.deploy.deployment import Deployment, refuse_loss
from ops.deploy.notices.notice import Notice
from ops.deploy.notices.notifier import Notifier
from ops.deploy.preflight.preflight import PreflightOptions, pass_gate
from ops.deploy.release.records import ReleaseRecord, ReleaseRecords
from ops.deploy.rollback.rollback import Rollback
from ops.deploy.rollout.approval import approve, refuse_strangers
from ops.deploy.rollout.canary import Canary, CanaryPlan
from ops.deploy.rollout.report import RolloutReport
from ops.deploy.verification import PAUSE, WAY_BACK
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment, short_version
from ops.stacks.choice import first_outputs
from ops.stacks.context import StackContext
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import GateClosed, OperationError, UsageError, VerificationFailed
from ops.stacks.interruption import Interruption
from ops.stacks.moment import Stopwatch


@dataclass(frozen=True)
class RolloutOptions:
    """What the command line asked for.

    Attributes:
        message: of the update in the history.
        approved_by: names that were typed.
        window: when the deployment is planned for; empty: now.
        scope: what it touches; empty: what the preview says.
        canary: ``None`` deploys to all at once.
        roll_back: whether a release that fails its verification is taken back.
        health_pause: seconds between two health checks.
        preflight: how the checks before it are made.
        confirm_loss: asked where the plan deletes or replaces stores of data.
    """

    message: str = ""
    approved_by: Sequence[str] = ()
    window: str = ""
    scope: str = ""
    canary: CanaryPlan | None = None
    roll_back: bool = True
    health_pause: float = PAUSE
    preflight: PreflightOptions = field(default_factory=PreflightOptions)
    confirm_loss: Callable[[str], None] = refuse_loss


class Rollout:
    """Deploys one stack.

    Args:
        context: the stack, and where its steps are shown.
        report_file: where the report is written.
        interruption: who knows that the command is to end.
    """

    def __init__(
        self, context: StackContext, *, report_file: Path, interruption: Interruption
    ) -> None:
        self._watch = Stopwatch()
        self._context = context
        self._stack = context.stack
        self._reporter = context.reporter
        self._report_file = report_file
        self._interruption = interruption
        self._deployment = Deployment(context)
        self._origin = context.origin
        self._notifier = Notifier.of(context)

    def run(self, options: RolloutOptions) -> RolloutReport:
        """Do everything; the report is written whatever happens once the plan is made.

        Raises:
            GateClosed: a check before a deployment to production failed, or approvals are missing.
            StackFailed: the preview or the update failed; what served before still serves.
            VerificationFailed: the release is bad; it was taken back if there is another.
        """
        # Asked first, since it takes no time: the checks and the preview take minutes.
        approvers = self._context.settings.approvers
        if self._context.is_production:
            refuse_strangers(options.approved_by, approvers)
        checked = pass_gate(self._context, options.preflight)
        approval = approve(
            options.approved_by,
            production=self._context.is_production,
            origin=self._origin,
            approvers=approvers,
        )
        planned = self._deployment.preview()
        self._deployment.ask_about_loss(planned, options.confirm_loss)
        before = self._serving_now()
        canary = self._canary(options.canary, before)
        report = RolloutReport(
            stack=self._stack,
            environment=self._context.environment_name,
            origin=self._origin,
            approval=approval,
            window=_window(options),
            scope=options.scope or planned.summary,
            previous_version_id=before or "",
            preflight=checked,
        )
        notice = self._notice(report, before)
        self._notifier.tell(notice)
        self._notifier.tell(replace(notice, event="started", status=f"begun, {report.approval}"))
        try:
            self._deploy(report, options, before, canary)
        except OperationError as error:
            # An engine takes an interruption for its own, and reports a failure in the end.
            if self._interruption.seen:
                self._finish_interrupted(report, notice)
            else:
                report.detail = str(error)
                self._finish(report, notice, error)
            raise
        except KeyboardInterrupt:
            self._finish_interrupted(report, notice)
            raise
        self._finish(report, notice, None)
        return report

    def _deploy(
        self,
        report: RolloutReport,
        options: RolloutOptions,
        before: str | None,
        canary: Canary | None,
    ) -> None:
        try:
            if canary is None:
                update = self._deployment.update(options.message, is_planned=True)
            else:
                update = canary.run(options.message)
            self._fill_in(report, update)
            report.checks = self._deployment.checks().run(
                update.outputs, integration=None, pause=options.health_pause
            )
        except VerificationFailed as error:
            if not options.roll_back or before is None:
                raise
            raise self._taken_back(report, error, before) from None
        finally:
            report.canary = canary.results if canary is not None else ()
        self._record(update, ReleaseRecord("verified", actor=self._origin.actor))
        report.result = "succeeded"

    def _finish_interrupted(self, report: RolloutReport, notice: Notice) -> None:
        report.result = "interrupted"
        report.detail = f"Interrupted. {self._told_what_serves(report)}"
        self._finish(report, notice, OperationError(report.detail))

    def _told_what_serves(self, report: RolloutReport) -> str:
        """Say where an interrupted deployment stands; what can't be asked is no further failure."""
        try:
            outputs = first_outputs(self._context, show_secrets=False)
            account = StackAccount.of(self._context)
            active = ActiveDeployment.of_worker(account, str(outputs.get("worker_name")))
        except OperationError as error:
            told = f"What serves now isn't known: {error}"
        else:
            report.serving_version_id = active.main_version
            alone = f"Version {active.main_version} answers all requests."
            told = active.left_canary(self._stack) or alone
        self._reporter.line(told, style="yellow")
        return told

    def _canary(self, plan: CanaryPlan | None, before: str | None) -> Canary | None:
        if plan is None:
            return None
        if before is None:
            raise UsageError(
                "A canary needs a version that already serves, and there is none yet. Deploy "
                "without "
                "--canary first."
            )
        canary = Canary(
            self._context,
            deployment=self._deployment,
            base=before,
            plan=plan,
        )
        canary.check(first_outputs(self._context, show_secrets=False))
        return canary

    def _taken_back(
        self, report: RolloutReport, error: VerificationFailed, before: str
    ) -> VerificationFailed:
        """Go back to what served before, and return the error to end with."""
        self._reporter.line(str(error), style="red")
        outputs = first_outputs(self._context, show_secrets=True)
        bad = str(outputs.get("version_id"))
        report.version_id = bad
        if bad == before:
            return error  # The same version as before: going back changes nothing.
        failed = str(error).replace(WAY_BACK, "").strip()
        rollback = Rollback(self._context)
        try:
            plan = rollback.plan(to=before)
            done = rollback.run(plan, reason=f"check '{error.check}' failed", commit=False)
        except GateClosed as refused:
            # Such as recipients who have moved to a database that the version doesn't know.
            return VerificationFailed(
                f"{failed} It serves on, since nothing may take its place: {refused}",
                check=error.check,
            )
        report.result = "rolled back"
        report.serving_version_id = done.version_id
        return VerificationFailed(
            f"{failed} It was rolled back: version {short_version(done.version_id)} serves again, "
            f"after {done.serving_seconds:.1f} s. The review's draft is {done.post_mortem}.",
            check=error.check,
        )

    def _fill_in(self, report: RolloutReport, update: StackUpdate) -> None:
        report.update = update
        report.url = str(update.outputs["service_url"])
        report.version_id = str(update.outputs["version_id"])
        report.serving_version_id = str(update.outputs["serving_version_id"])
        self._deployment.warn_of_pin(update.outputs)

    def _serving_now(self) -> str | None:
        """Return the version that serves; ``None`` before the first deployment."""
        outputs = first_outputs(self._context, show_secrets=False)
        worker = outputs.get("worker_name")
        if not isinstance(worker, str):
            return None
        account = StackAccount.of(self._context)
        shares = dict(ActiveDeployment.of_worker(account, worker).shares)
        if len(shares) > 1:
            shares.pop(str(outputs.get("version_id")), None)  # A canary that was cut short.
        return max(shares, key=lambda version: shares[version])

    def _record(self, update: StackUpdate, record: ReleaseRecord) -> None:
        account = StackAccount.of(self._context)
        records = ReleaseRecords(account, str(update.outputs["d1_database_id"]))
        try:
            records.write(str(update.outputs["serving_version_id"]), record)
        except OperationError as error:
            self._reporter.line(f"warning: the release couldn't be recorded as verified: {error}")

    def _notice(self, report: RolloutReport, before: str | None) -> Notice:
        back = "none: this is the first deployment"
        if before is not None:
            back = f"notifyctl rollback --stack {self._stack} --to {short_version(before)}"
        return Notice(
            event="planned",
            action="deployment",
            environment=self._stack,
            status="planned",
            branch=self._origin.branch,
            commit=self._origin.commit,
            actor=self._origin.actor,
            link=self._origin.link or str(self._report_file),
            window=report.window,
            scope=report.scope,
            rollback_plan=back,
        )

    def _finish(self, report: RolloutReport, notice: Notice, error: OperationError | None) -> None:
        report.seconds = self._watch.seconds
        report.write(self._report_file)
        if error is None:
            status = f"version {short_version(report.serving_version_id)} serves and is verified"
            told = replace(notice, event="succeeded", status=status)
        else:
            told = replace(notice, event="failed", status=str(error).partition(". ")[0])
        self._notifier.tell(replace(told, duration=report.seconds))


def _window(options: RolloutOptions) -> str:
    """Return the window for report and notices, an override of the team's rules included."""
    window = options.window or "now"
    override = options.preflight.override
    return f"{window}; the deployment window is overridden: {override}" if override else window
