"""GitHub's gates before a deployment, and what its workflows may read behind them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_github as github

from infra.access.workflow_values import (
    NIGHTLY_TOKEN,
    PLAN_TOKEN,
    PLANNED,
    PREFIXES,
    WorkflowValue,
)

PRODUCTION_BRANCH = "main"
APPROVAL_SUFFIX = "-approval"
NIGHTLY_SUFFIX = "-nightly"
PLAN_SUFFIX = "-plan"


@dataclass(frozen=True)
class RepositoryAccessArgs:
    """What the repository's settings need.

    `reviewers` guard the first gate, `approvers` the second; logins, and nobody is in both.
    `values` are the secrets and variables by their place in the table, None for what isn't set.
    `watch_token` is for production's nightly jobs, for which no gate opens, and `plan_token` for
    the plans in pull requests.
    """

    repository: str
    environment: str
    reviewers: tuple[str, ...]
    approvers: tuple[str, ...]
    values: Mapping[WorkflowValue, pulumi.Input[str] | None]
    watch_token: pulumi.Input[str] | None
    plan_token: pulumi.Input[str] | None
    child_opts: pulumi.ResourceOptions | None = None


class RepositoryAccess(pulumi.ComponentResource):
    """The environment of the stack with everything that its jobs read; for production two gates.

    GitHub asks one of an environment's reviewers, never two. So production is two environments for
    two jobs, one after the other: the first holds nothing but its gate, the second the secrets.
    """

    approval: github.RepositoryEnvironment | None = None
    nightly: github.RepositoryEnvironment | None = None
    plan: github.RepositoryEnvironment | None = None

    def __init__(
        self, name: str, args: RepositoryAccessArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:RepositoryAccess", name, None, opts)
        self._repository = args.repository
        self._opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self), args.child_opts
        )
        if args.environment == "production":
            self.approval = self._guarded(args.environment + APPROVAL_SUFFIX, args.reviewers)
            self.environment = self._guarded(args.environment, args.approvers)
            self.nightly = self._guarded(args.environment + NIGHTLY_SUFFIX, ())
            # Pull requests run on branches of every name: it holds nothing but a token that reads.
            self.plan = self._open(args.environment + PLAN_SUFFIX)
        else:
            self.environment = self._open(args.environment)
        prefix = PREFIXES[args.environment]
        for value, content in args.values.items():
            name = value.name.replace("PREFIX", prefix)
            if content is None:
                _tell_missing(value, name)
                continue
            self._value(value, name, content, self.environment)
            if self.nightly is not None and value.is_watching:
                self._value(value, name, content, self.nightly, suffix=NIGHTLY_SUFFIX)
            if self.plan is not None and value.name in PLANNED:
                self._value(value, name, content, self.plan, suffix=PLAN_SUFFIX)
        if self.nightly is not None and args.watch_token is not None:
            token = pulumi.Output.secret(args.watch_token)
            self._value(
                NIGHTLY_TOKEN, NIGHTLY_TOKEN.name, token, self.nightly, suffix=NIGHTLY_SUFFIX
            )
        if self.plan is not None and args.plan_token is not None:
            token = pulumi.Output.secret(args.plan_token)
            self._value(PLAN_TOKEN, PLAN_TOKEN.name, token, self.plan, suffix=PLAN_SUFFIX)
        self.register_outputs({"environment": self.environment.environment})

    def outputs(self) -> list[pulumi.Output[str]]:
        """Return the environments' names: those that a deployment passes, in order, then others."""
        found = [self.approval, self.environment, self.nightly, self.plan]
        return [environment.environment for environment in found if environment is not None]

    def _open(self, name: str) -> github.RepositoryEnvironment:
        """Declare an environment without a gate."""
        return github.RepositoryEnvironment(
            name, repository=self._repository, environment=name, opts=self._opts
        )

    def _guarded(self, name: str, logins: tuple[str, ...]) -> github.RepositoryEnvironment:
        """Declare an environment of the production branch that one of these people approves."""
        people = [self._user_id(login) for login in sorted(logins, key=str.lower)]
        environment = github.RepositoryEnvironment(
            name,
            repository=self._repository,
            environment=name,
            reviewers=[github.RepositoryEnvironmentReviewerArgs(users=people)] if people else None,
            prevent_self_review=bool(people),
            can_admins_bypass=False,
            deployment_branch_policy=github.RepositoryEnvironmentDeploymentBranchPolicyArgs(
                protected_branches=False, custom_branch_policies=True
            ),
            opts=self._opts,
        )
        github.RepositoryEnvironmentDeploymentPolicy(
            f"{name}-branch",
            repository=self._repository,
            environment=environment.environment,
            branch_pattern=PRODUCTION_BRANCH,
            opts=self._opts,
        )
        return environment

    def _user_id(self, login: str) -> int:
        """Raise pulumi.RunError, which Pulumi shows without a stack trace, for nobody."""
        try:
            found = github.get_user(username=login, opts=pulumi.InvokeOptions(parent=self))
        except Exception as error:
            raise pulumi.RunError(
                f"The GitHub user '{login}' could not be looked up: {error} Correct "
                "productionReviewers or productionApprovers, and see that GITHUB_TOKEN is valid."
            ) from None
        return int(found.id)

    def _value(
        self,
        value: WorkflowValue,
        name: str,
        content: pulumi.Input[str],
        place: github.RepositoryEnvironment,
        *,
        suffix: str = "",
    ) -> None:
        if value.is_secret:
            github.ActionsEnvironmentSecret(
                f"secret-{name}{suffix}",
                repository=self._repository,
                environment=place.environment,
                secret_name=name,
                value=content,
                opts=self._opts,
            )
        else:
            github.ActionsEnvironmentVariable(
                f"variable-{name}{suffix}",
                repository=self._repository,
                environment=place.environment,
                variable_name=name,
                value=content,
                opts=self._opts,
            )


def _tell_missing(value: WorkflowValue, name: str) -> None:
    pulumi.log.info(
        f"GitHub gets no {'secret' if value.is_secret else 'variable'} {name} "
        f"({value.meaning}): {value.source.replace('`', '')} is not set."
    )
