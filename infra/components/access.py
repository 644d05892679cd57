"""Who may deploy the stack. An operator declares it; CI never does: its token mints no tokens."""

from dataclasses import dataclass

import pulumi
import pulumi_github as github

from infra.access.required_permissions import required_permissions
from infra.access.workflow_values import Sources, workflow_values
from infra.components.ci_tokens import CiTokens, CiTokensArgs
from infra.components.repository_access import RepositoryAccess, RepositoryAccessArgs
from infra.names import Names
from infra.settings import Secrets, Settings, WorkflowSecrets
from infra.settings.values import is_loopback


@dataclass(frozen=True)
class AccessArgs:
    """What access is made from: the stack's settings and secrets, and what it deploys to."""

    stack: str
    settings: Settings
    secrets: Secrets
    workflow_secrets: WorkflowSecrets
    names: Names
    zone_id: str | None
    database_id: pulumi.Input[str]
    namespace_id: pulumi.Input[str]
    child_opts: pulumi.ResourceOptions | None = None


class Access(pulumi.ComponentResource):
    """The CI tokens, and the repository's environments with what the workflows read."""

    def __init__(
        self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:Access", name, None, opts)
        settings = args.settings
        child_opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self), args.child_opts
        )
        self.tokens = CiTokens(
            "ci-tokens",
            CiTokensArgs(
                account_id=settings.account_id,
                worker=args.names.worker,
                generations=settings.ci_token_generations,
                permissions=required_permissions(settings),
                zone_id=args.zone_id,
                expires_on=settings.ci_token_expires_on,
                allowed_ips=settings.ci_token_allowed_ips,
            ),
            child_opts,
        )
        self.repository = RepositoryAccess(
            "repository",
            RepositoryAccessArgs(
                repository=str(settings.github_repository),
                environment=settings.environment,
                reviewers=settings.production_reviewers,
                approvers=settings.production_approvers,
                values=workflow_values(
                    Sources(
                        stack=args.stack,
                        settings=settings,
                        secrets=args.secrets,
                        workflow_secrets=args.workflow_secrets,
                        service_url=settings.public_url(args.names.worker),
                        ci_token=self.tokens.newest.value,
                        database_id=args.database_id,
                        namespace_id=args.namespace_id,
                    )
                ),
            ),
            child_opts,
        )
        self.register_outputs({"ci_token_id": self.tokens.newest.id})

    def outputs(self) -> dict[str, object]:
        """The ids and names of what is there, by the names of the stack's outputs."""
        return {
            "ci_token_id": self.tokens.newest.id,
            "github_environments": self.repository.outputs(),
        }


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
