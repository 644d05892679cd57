"""The gate before a deployment: what a machine can check, and what people confirm."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.access.checks.checklist import Checklist
from ops.access.checks.outcome import Outcome
from ops.access.checks.stack_secrets import StackSecrets
from ops.access.keys.age import ROTATE_AFTER_DAYS, key_ages
from ops.deploy.account_state import CHECK as ACCOUNT
from ops.deploy.account_state import AccountState
from ops.deploy.preflight.code_checks import TESTS, TYPES, look_at_tests, look_at_types
from ops.deploy.preflight.confirmations import CHECK as CONFIRMATIONS
from ops.deploy.preflight.confirmations import Confirmations
from ops.deploy.preflight.dependencies import CHECK as DEPENDENCIES
from ops.deploy.preflight.dependencies import look_at_dependencies
from ops.deploy.preflight.migration_state import CHECK as MIGRATIONS
from ops.deploy.preflight.migration_state import look_at_migrations
from ops.deploy.preflight.window import DeploymentWindows, Kind
from ops.deploy.rollback.post_mortem import open_post_mortems, post_mortem_folder
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed
from ops.stacks.moment import counted
from ops.stacks.origin import asked_git, git

WORK_TREE = "work tree"
_MAX_SHOWN = 5
WINDOW = "window"


@dataclass(frozen=True)
class PreflightOptions:
    """What the command line asked for.

    Attributes:
        kind: of the change.
        at: the moment of the deployment; ``None``: now.
        override: why the window doesn't hold this time; empty: it holds.
        confirm: confirmations that were given.
        checklist: a signed-off checklist.
        skip: checks that aren't made; the report says so.
        asked_at_gates: whether a pipeline's gates ask people, so that what they didn't confirm in a
            checklist is only warned of.
    """

    kind: Kind = "routine"
    at: datetime | None = None
    override: str = ""
    confirm: Sequence[str] = ()
    checklist: Path | None = None
    skip: Collection[str] = ()
    asked_at_gates: bool = False


class Preflight:
    """Checks one stack before a deployment; nothing is changed.

    Args:
        context: the stack, and where the checks are shown.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        self._project = context.project
        self._stack = context.stack
        self._checks = Checklist(context.reporter)
        self._override = ""

    def run(self, options: PreflightOptions) -> None:
        """Make every check.

        Raises:
            UsageError: the options don't make sense.
        """
        root = self._project.root
        commit = git(root, "rev-parse", "HEAD")
        self._override = options.override
        confirmations = Confirmations(
            options.confirm, file=options.checklist, root=root, commit=commit
        )
        for name, look in (
            (WORK_TREE, lambda: look_at_work_tree(root)),
            (DEPENDENCIES, lambda: look_at_dependencies(root)),
            (TYPES, lambda: look_at_types(root)),
            (TESTS, lambda: look_at_tests(root)),
        ):
            if name in options.skip:
                self._checks.run(name, lambda name=name: [_skipped(name)])  # type: ignore[misc]
            else:
                self._checks.run(name, lambda look=look: [look()])  # type: ignore[misc]
        self._checks.run("configuration", self._configuration)
        self._checks.run(
            MIGRATIONS,
            lambda: look_at_migrations(self._context),
        )
        self._checks.run(ACCOUNT, lambda: AccountState(self._context).outcomes())
        self._checks.run(WINDOW, lambda: self._window(options))
        self._checks.run("reviews", self._reviews)
        self._checks.run(CONFIRMATIONS, lambda: [_asked(confirmations.look(), options)])

    @property
    def is_production(self) -> bool:
        """Whether a failing check stops a deployment of this stack."""
        return self._context.is_production

    @property
    def failed(self) -> Sequence[Outcome]:
        """The checks that failed."""
        return self._checks.named("fail")

    def document(self) -> dict[str, Any]:
        """Return the report, for ``--json`` and for the deployment's own report."""
        return {"stack": self._stack, "override": self._override, **self._checks.document()}

    def verdict(self) -> GateClosed | None:
        """Return what closes the gate, or ``None``."""
        if not self.failed:
            return None
        names = ", ".join(outcome.check for outcome in self.failed)
        checks = counted(len(self.failed), "check")
        return GateClosed(
            f"{checks} before the deployment of '{self._stack}' failed: {names}. "
            "The report says what to do about each."
        )

    def _configuration(self) -> Iterator[Outcome]:
        yield from StackSecrets(self._context).outcomes()
        if self._context.is_local:
            return
        today = datetime.now(UTC).date()
        due = [k for k in key_ages(self._context.file, today=today) if k.is_due]
        if due:
            said = ", ".join(f"{k.key} ({'unknown' if k.days is None else k.days})" for k in due)
            yield Outcome.warn(
                "key age",
                f"days, over {ROTATE_AFTER_DAYS} or unknown: {said}",
                f"Rotate them: notifyctl keys rotate --stack {self._stack}",
            )
        else:
            yield Outcome.ok("key age", f"no key is older than {ROTATE_AFTER_DAYS} days")

    def _window(self, options: PreflightOptions) -> Iterator[Outcome]:
        moment = options.at or datetime.now(UTC)
        verdict = DeploymentWindows.read(self._project.root).judge(moment, options.kind)
        if verdict.allowed:
            yield Outcome.ok(WINDOW, verdict.why)
        elif options.override:
            yield Outcome.warn(
                WINDOW,
                f"{verdict.why}; overridden: {options.override}",
                "The report and the notices show it.",
            )
        else:
            opens = f"It opens {verdict.next:%A %Y-%m-%d %H:%M}. " if verdict.next else ""
            yield Outcome.fail(
                WINDOW,
                verdict.why,
                f"{opens}Deploy a fix that can't wait with --kind urgent, and anything else with "
                "--override REASON, which the report shows.",
            )

    def _reviews(self) -> Iterator[Outcome]:
        sentences = open_post_mortems(post_mortem_folder(self._context))
        for sentence in sentences:
            yield Outcome.warn(
                "reviews", sentence.rstrip("."), "Finish the review of that rollback."
            )
        if not sentences:
            yield Outcome.ok("reviews", "none is open")


def _asked(outcome: Outcome, options: PreflightOptions) -> Outcome:
    if outcome.result != "fail" or not options.asked_at_gates:
        return outcome
    return Outcome.warn(
        outcome.check, f"{outcome.found}; the pipeline's gates ask two people", outcome.advice
    )


def _skipped(name: str) -> Outcome:
    return Outcome.skipped(name, "not run: left out by --skip")


def pass_gate(context: StackContext, options: PreflightOptions) -> Mapping[str, Any]:
    """Make the checks and return their report.

    Types and tests are left out where they decide nothing: outside production, and in a pipeline,
    whose own job has run all of them on this commit before.

    Raises:
        GateClosed: a check of a production stack failed.
    """
    origin = context.origin
    preflight = Preflight(context)
    if origin.is_pipeline or not preflight.is_production:
        options = replace(options, skip={*options.skip, TYPES, TESTS})
    if not preflight.is_production:
        preflight = Preflight(replace(context, reporter=Reporter(quiet=True)))
    preflight.run(replace(options, asked_at_gates=origin.is_pipeline))
    if preflight.is_production:
        if (closed := preflight.verdict()) is not None:
            raise closed
    else:
        for outcome in preflight.failed:
            text = f"warning: {outcome.check}: {outcome.found}. {outcome.advice}"
            context.reporter.line(text, style="yellow")
    return preflight.document()


def look_at_work_tree(root: Path) -> Outcome:
    """Say whether the work tree is clean, and whether a remote has the commit."""
    commit = git(root, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return Outcome.fail(
            WORK_TREE, f"{root} isn't a git checkout with a commit", "Deploy from a clone."
        )
    status = asked_git(root, "status", "--porcelain")
    if status is None:
        return Outcome.fail(
            WORK_TREE,
            f"git status fails in {root}, so what differs from commit {commit} isn't known",
            "See what git says: git status",
        )
    changed = status.splitlines()
    if changed:
        names = ", ".join(line[2:].strip() for line in changed[:_MAX_SHOWN])
        more = f" and {len(changed) - _MAX_SHOWN} more" if len(changed) > _MAX_SHOWN else ""
        return Outcome.fail(
            WORK_TREE,
            f"{counted(len(changed), 'file')} differ from commit {commit}: {names}{more}",
            "Commit or remove them: what is deployed must be what the commit says.",
        )
    if not git(root, "remote"):
        return Outcome.ok(WORK_TREE, f"clean, at {commit}; there is no remote to compare with")
    if not git(root, "branch", "--remotes", "--contains", "HEAD"):
        return Outcome.warn(
            WORK_TREE,
            f"clean, and no remote branch has {commit}",
            "Push it, so that others can deploy and roll back the same commit: git push",
        )
    return Outcome.ok(WORK_TREE, f"clean, at {commit}, which a remote branch has")
