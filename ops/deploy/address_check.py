"""Whether the stack's own domain is free, or its own: asked before anything moves."""

from __future__ import annotations

from urllib.parse import quote

from infra.names import Names
from ops.stacks.account import StackAccount
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed


def require_own_domain(context: StackContext) -> None:
    """Refuse a custom domain that another Worker answers at.

    The provider would try to take it for minutes, since it repeats every 409.

    Raises:
        GateClosed: another Worker has it.
        OperationError: the API refused, or gave no answer.
    """
    domain = context.file.known.custom_domain
    if domain is None or context.is_local or domain in context.file.known.take_over:
        return
    account, worker = StackAccount.of(context), Names.of_stack(context.stack).worker
    path = f"/accounts/{account.account_id}/workers/domains?hostname={quote(domain)}"
    for found in account.result("list the Workers' domains", path) or []:
        owner = found.get("service")
        if found.get("hostname") == domain and owner not in ("", None, worker):
            raise GateClosed(
                f"{domain} belongs to the Worker '{owner}', so nothing was changed. Take it from "
                "that Worker in the dashboard under Workers, Settings, Domains & Routes; or "
                "correct customDomain."
            )
