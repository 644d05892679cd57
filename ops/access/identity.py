"""Who a stack's operations act as, and in which account: asked before anything moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from infra.access.permission import Permission
from infra.access.required_permissions import required_permissions
from infra.retries import retrying
from infra.settings import SettingsError, read_settings
from ops.access.token.token_api import Answer, TokenApi
from ops.access.token.token_check import TokenCheck, is_token
from ops.access.token.token_report import TokenReport
from ops.stacks.account import TOKEN_VARIABLE, StackAccount
from ops.stacks.context import StackContext
from ops.stacks.errors import ServiceError, UsageError

_ATTEMPTS = 5
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 8.0
_MAX_NAMED = 5


@dataclass(frozen=True)
class Identity:
    """The account as its own API names it, and the token that reaches it.

    Attributes:
        account_id: 32 hexadecimal digits.
        account_name: empty where the token may not read it.
        expires_on: when the token ends, RFC 3339; ``None``: never, or it wasn't told.
    """

    account_id: str
    account_name: str
    expires_on: str | None

    def __str__(self) -> str:
        until = f"until {self.expires_on[:10]}" if self.expires_on else "without an end"
        named = f"{self.account_name} ({self.account_id})" if self.account_name else self.account_id
        return f"{named}, token valid {until}"


def introduce(context: StackContext, *, needs_everything: bool = True) -> None:
    """Show the account of a stack that isn't local, once its token is known to reach it.

    Args:
        context: the stack, and where its steps are shown.
        needs_everything: whether the token must have each permission that the settings ask for.

    Raises:
        UsageError: the token is unknown, ended, of another account, or lacks a permission.
        ServiceError: the API didn't answer.
    """
    if context.is_local:
        return
    account = StackAccount.of(context)
    needed: tuple[Permission, ...] = ()
    if needs_everything and context.file.is_whole:
        try:
            needed = tuple(required_permissions(read_settings(context.file.path)))
        except SettingsError as error:
            raise UsageError(str(error)) from None
    with context.reporter.step("Account") as step:
        step.detail = str(ask_identity(account, needed, is_pipeline=context.origin.is_pipeline))


@lru_cache(maxsize=8)
def ask_identity(
    account: StackAccount, needed: Sequence[Permission] = (), *, is_pipeline: bool
) -> Identity:
    """Ask Cloudflare whose the token is, once for each command.

    Args:
        account: the account and the token.
        needed: what a deployment needs; compared where the token may read itself.
        is_pipeline: whether the token is one that the access stack made for CI.

    Raises:
        UsageError: the token is unknown, ended, of another account, or lacks a permission.
        ServiceError: the API didn't answer.
    """
    if not is_token(account.token):
        raise _refused(TokenReport("malformed"), is_pipeline=is_pipeline)
    here = f"/accounts/{account.account_id}"
    with (
        TokenApi(account.base_url, account.token, is_local=account.is_local) as api,
        api.understood(),
    ):
        verified = _ask(api, f"{here}/tokens/verify")
        if verified.status != 200:
            verified = _ask(api, "/user/tokens/verify")
        if verified.status in (400, 401, 403):
            raise _refused(TokenReport("invalid"), is_pipeline=is_pipeline)
        token = verified.result
        if (status := str(token["status"])) != "active":
            raise _refused(TokenReport(status), is_pipeline=is_pipeline)
        found = _ask(api, here)
        name = str(found.result["name"]) if found.status == 200 else ""
        if not name and not _ask(api, f"{here}/workers/workers?per_page=1").is_allowed_and_there:
            raise UsageError(_elsewhere(api, account))
        own = _ask(api, f"{here}/tokens/{token['id']}")
        if own.status == 200 and needed:
            report = TokenCheck.compare(own.result, needed)
            if report.missing:
                raise _refused(report, is_pipeline=is_pipeline)
        ends = token.get("expires_on")
    return Identity(account.account_id, name, str(ends) if ends else None)


def _elsewhere(api: TokenApi, account: StackAccount) -> str:
    listed = _ask(api, "/accounts").result
    seen = [f"{one.get('name')} ({one.get('id')})" for one in listed or () if isinstance(one, dict)]
    reaches = f" It reaches {', '.join(seen[:_MAX_NAMED])}." if seen else ""
    return (
        f"The token in {TOKEN_VARIABLE} doesn't reach the account {account.account_id} that the "
        f"settings of '{account.stack}' name, so nothing was planned or changed.{reaches} Correct "
        "accountId, or use a token of that account."
    )


def _refused(report: TokenReport, *, is_pipeline: bool) -> UsageError:
    verdict = report.verdict(allow_more=True, is_pipeline=is_pipeline)
    return UsageError(f"{TOKEN_VARIABLE}: {verdict} Nothing was planned or changed.")


class _BusyError(ServiceError):
    """The API answered that it can't answer now."""


def _ask(api: TokenApi, path: str) -> Answer:
    def once() -> Answer:
        answer = api.ask("GET", path)
        if answer.status == 429 or answer.status >= 500:
            raise _BusyError(
                f"Cloudflare's API is busy (HTTP {answer.status}). Nothing was planned or changed; "
                "try again in some minutes.",
                status=answer.status,
            )
        return answer

    return retrying(
        ServiceError,
        attempts=_ATTEMPTS,
        first_wait=_FIRST_WAIT_SECONDS,
        longest_wait=_LONGEST_WAIT_SECONDS,
    )(once)
