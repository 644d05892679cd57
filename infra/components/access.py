"""Who may deploy the stack. An operator declares it; CI never does: its token mints no tokens."""

from dataclasses import dataclass

import pulumi
import pulumi_github as github

from infra.access.permission import Permission
from infra.access.required_permissions import (
    planning_permissions,
    required_permissions,
    watching_permissions,
)
from infra.access.workflow_values import Sources, workflow_values
from infra.components.ci_tokens import CiTokens, CiTokensArgs
from infra.components.repository_access import RepositoryAccess, RepositoryAccessArgs
from infra.names import Names
from infra.settings import Secrets, Settings, WorkflowSecrets
from infra.settings.values import is_loopback


@dataclass(frozen=True)
class AccessArgs:
    """What access is made from. `zone_id` is None where no address is in a zone."""

    settings: Settings
    secrets: Secrets
    workflow_secrets: WorkflowSecrets
    zone_id: str | None
    child_opts: pulumi.ResourceOptions | None = None


class Access(pulumi.ComponentResource):
    """The CI tokens, and the repository's environments with what the workflows read.

    The service is the one whose stack has the name of the environment.
    """

    watch_tokens: CiTokens | None = None
    plan_tokens: CiTokens | None = None

    def __init__(
        self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:Access", name, None, opts)
        self._args = args
        self._opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self), args.child_opts
        )
        settings = args.settings
        service = Names.of_stack(settings.environment).worker
        self.tokens = self._tokens("ci-tokens", f"{service} CI", required_permissions(settings))
        if settings.environment == "production":
            watching = watching_permissions(settings)
            self.watch_tokens = self._tokens("watch-tokens", f"{service} watch", watching)
            planning = planning_permissions(settings)
            self.plan_tokens = self._tokens("plan-tokens", f"{service} plan", planning)
        self.repository = RepositoryAccess(
            "repository",
            RepositoryAccessArgs(
                repository=str(settings.github_repository),
                environment=settings.environment,
                reviewers=settings.production_reviewers,
                approvers=settings.production_approvers,
                values=workflow_values(
                    Sources(
                        settings=settings,
                        secrets=args.secrets,
                        workflow_secrets=args.workflow_secrets,
                        service_url=settings.public_url(service),
                        ci_token=self.tokens.newest.value,
                    )
                ),
                watch_token=self.watch_tokens.newest.value if self.watch_tokens else None,
                plan_token=self.plan_tokens.newest.value if self.plan_tokens else None,
            ),
            self._opts,
        )
        self.register_outputs({"ci_token_id": self.tokens.newest.id})

    def outputs(self) -> dict[str, object]:
        """Return the ids and names of what is there, by the names of the stack's outputs."""
        others = {"watch_token_id": self.watch_tokens, "plan_token_id": self.plan_tokens}
        return {
            "account_id": self._args.settings.account_id,
            "ci_token_id": self.tokens.newest.id,
            **{name: tokens.newest.id for name, tokens in others.items() if tokens is not None},
            "github_environments": self.repository.outputs(),
        }

    def _tokens(self, name: str, label: str, permissions: tuple[Permission, ...]) -> CiTokens:
        settings = self._args.settings
        return CiTokens(
            name,
            CiTokensArgs(
                account_id=settings.account_id,
                label=label,
                generations=settings.ci_token_generations,
                permissions=permissions,
                zone_id=self._args.zone_id,
                expires_on=settings.ci_token_expires_on,
                allowed_ips=settings.ci_token_allowed_ips,
            ),
            self._opts,
        )


def github_provider(settings: Settings) -> github.Provider:
    """GitHub's provider, without the token: the SDK would put GITHUB_TOKEN into the state.

    The plugin reads that variable itself when it runs. On this machine it doesn't wait between
    writes, which GitHub's limits alone ask for.
    """
    return github.Provider(
        "github",
        base_url=settings.github_base_url,
        owner=settings.github_owner,
        write_delay_ms=0 if is_loopback(settings.github_base_url) else None,
        opts=pulumi.ResourceOptions(transformations=[_without_token]),
    )


def _without_token(
    args: pulumi.ResourceTransformationArgs,
) -> pulumi.ResourceTransformationResult:
    kept = {name: value for name, value in args.props.items() if name != "token"}
    return pulumi.ResourceTransformationResult(kept, args.opts)
