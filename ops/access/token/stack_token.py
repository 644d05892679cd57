"""The token of a stack, or another one for it, checked against the stack's settings."""

from __future__ import annotations

import dataclasses

from infra.access.required_permissions import required_permissions
from infra.settings import SettingsError, read_settings
from ops.access.token.token_api import TokenApi
from ops.access.token.token_check import TokenCheck, is_token
from ops.access.token.token_report import TokenReport
from ops.stacks.account import StackAccount
from ops.stacks.context import StackContext
from ops.stacks.errors import UsageError
from ops.stacks.local_stack import LocalStack


def check_stack_token(
    context: StackContext, *, token_variable: str | None = None, token_id: str | None = None
) -> TokenReport:
    """Check the token that deploys the stack.

    Args:
        context: the stack; its settings decide which permissions are needed.
        token_variable: environment variable with the token to check in place of the stack's own.
        token_id: id of the token to check, read with the stack's own.

    Raises:
        UsageError: a mistake in the stack's file, no token, or no token of that id.
        ServiceError: the API didn't answer.
    """
    account = StackAccount.of(context)
    if token_variable is not None:
        given = context.environment.get(token_variable)
        if not given:
            raise UsageError(f"The environment variable {token_variable} isn't set.")
        account = dataclasses.replace(account, token=given)
    if not is_token(account.token):
        return TokenReport("malformed")
    try:
        # A local stack's secrets, which belong to valid settings, are in the rendered file.
        local = LocalStack.prepare(context) if account.is_local else None
        file = local.config_file if local is not None else context.file.path
        settings = read_settings(file)
    except SettingsError as error:
        raise UsageError(str(error)) from None
    needed = required_permissions(settings)
    with TokenApi(account.base_url, account.token, is_local=account.is_local) as api:
        if token_id is None:
            check = TokenCheck(
                api, account.account_id, zone_id=settings.zone_id, zone_name=settings.zone_name
            )
            return check.run(needed)
        found = api.ask("GET", f"/accounts/{account.account_id}/tokens/{token_id}")
        if found.status != 200:
            raise UsageError(
                f"The token {token_id} can't be read ({found.status}): there is none in the "
                "account, or the stack's own token lacks Account → Account API Tokens → Read."
            )
        with api.understood():
            return TokenCheck.compare(found.result, needed)
