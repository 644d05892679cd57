"""The API tokens that CI works with: as many as overlap, each with exactly what it needs."""

from dataclasses import dataclass
from datetime import date

import pulumi
import pulumi_cloudflare as cloudflare

from infra.access.permission import Permission
from infra.access.permission_groups import Group, PermissionLookupError, ids_of
from infra.access.required_permissions import token_policies
from infra.rules import note_permission_groups


@dataclass(frozen=True)
class CiTokensArgs:
    """What the tokens need.

    `label` is what their names in the account begin with. `generations` are those that exist, the
    newest last: a new one is made before the old one goes, so that a run which has begun with the
    old one ends with it. `zone_id` is None where no permission is a zone's.
    """

    account_id: str
    label: str
    generations: tuple[int, ...]
    permissions: tuple[Permission, ...]
    zone_id: str | None
    expires_on: date | None
    allowed_ips: tuple[str, ...]
    child_opts: pulumi.ResourceOptions | None = None


class CiTokens(pulumi.ComponentResource):
    """One account token for each generation; `newest` is the one for CI."""

    def __init__(
        self, name: str, args: CiTokensArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:CiTokens", name, None, opts)
        child_opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self), args.child_opts
        )
        ids = _permission_ids(args, pulumi.InvokeOptions(parent=self))
        policies = [
            cloudflare.AccountTokenPolicyArgs(
                effect="allow",
                permission_groups=[
                    cloudflare.AccountTokenPolicyPermissionGroupArgs(id=group)
                    for group in policy.group_ids
                ],
                resources=policy.resources,
            )
            for policy in token_policies(
                args.permissions, ids, account_id=args.account_id, zone_id=args.zone_id
            )
        ]
        self.tokens = {
            generation: cloudflare.AccountToken(
                f"{name.removesuffix('s')}-{generation}",
                account_id=args.account_id,
                name=f"{args.label} {generation}",
                policies=policies,
                condition=_condition(args.allowed_ips),
                expires_on=f"{args.expires_on}T00:00:00Z" if args.expires_on else None,
                opts=child_opts,
            )
            for generation in args.generations
        }
        self.newest = self.tokens[max(args.generations)]
        self.register_outputs({"newest_id": self.newest.id})


def _permission_ids(args: CiTokensArgs, opts: pulumi.InvokeOptions) -> dict[Permission, str]:
    """Look the permissions up before any token is declared.

    Raise pulumi.RunError, which Pulumi shows without a stack trace.
    """
    try:
        listed = cloudflare.get_account_api_token_permission_groups_list(
            account_id=args.account_id, opts=opts
        ).results
    except Exception as error:
        raise pulumi.RunError(
            f"The permission groups could not be listed: {error} Making CI tokens needs an "
            "operator's token with Account: API Tokens: Edit, never CI's. Set manageAccess to "
            "false where there is none."
        ) from None
    groups = [Group(item.id, item.name, tuple(item.scopes)) for item in listed or ()]
    note_permission_groups(groups)
    try:
        return dict(ids_of(args.permissions, groups))
    except PermissionLookupError as error:
        raise pulumi.RunError(str(error)) from None


def _condition(allowed_ips: tuple[str, ...]) -> cloudflare.AccountTokenConditionArgs | None:
    if not allowed_ips:
        return None
    return cloudflare.AccountTokenConditionArgs(
        request_ip=cloudflare.AccountTokenConditionRequestIpArgs(ins=sorted(allowed_ips))
    )
