"""Whether everything that the serving version is bound to is in the account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ops.access.checks.outcome import Outcome
from ops.database.schema_state import SchemaState
from ops.database.stack_database import StackDatabase
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment
from ops.stacks.context import StackContext
from ops.stacks.resource_kinds import BOUND


@dataclass(frozen=True)
class Wanted:
    """A store that the Worker needs.

    Attributes:
        binding: its name inside the Worker.
        type: the binding's type, as Cloudflare says it.
        output: the stack's output that names the store.
        remedy: the command that brings back a store that is gone; ``{}`` stands for the stack.
        identifier: the store, where no output of its own names it.
    """

    binding: str
    type: str
    output: str
    remedy: str
    identifier: str = ""


_AGAIN = "Create it again: notifyctl drift --stack {} --repair"
_WANTED = (
    Wanted(
        "DB",
        "d1",
        "d1_database_id",
        "Make an empty one: notifyctl refresh --stack {0}, then notifyctl up --stack {0}; then "
        "restore the data: notifyctl db restore --stack {0} FILE",
    ),
    Wanted("CONFIG_CACHE", "kv_namespace", "kv_namespace_id", _AGAIN),
    Wanted("RETRY_QUEUE", "queue", "retry_queue_name", _AGAIN),
    Wanted("FAILED_QUEUE", "queue", "failed_queue_name", _AGAIN),
)


def _more_databases(outputs: Mapping[str, Any]) -> Iterator[Wanted]:
    """Yield the databases beside the first one."""
    listed = outputs.get("d1_databases")
    for shard, one in enumerate(listed if isinstance(listed, list) else ()):
        if shard and isinstance(one, Mapping):
            yield replace(_WANTED[0], binding=f"DB_{shard}", identifier=str(one.get("id")))


class Bindings:
    """Compares the version that serves with the account's lists and with the stack.

    Args:
        context: the stack.
        account: the stack's account.
        outputs: the stack's outputs.
    """

    def __init__(
        self, context: StackContext, account: StackAccount, outputs: Mapping[str, Any]
    ) -> None:
        self._context = context
        self._account = account
        self._outputs = outputs

    def outcomes(self) -> Iterator[Outcome]:
        """Yield one outcome per binding, and one for the database's tables.

        Raises:
            OperationError: the API refused, or gave no answer.
        """
        bindings = self._bindings()
        databases_are_there = True
        for bound in (*_WANTED, *_more_databases(self._outputs)):
            outcome = self._judged(bound, bindings.get(bound.binding))
            if bound.type == "d1":
                databases_are_there &= outcome.result == "ok"
            yield outcome
        if databases_are_there:
            yield self._tables()
        else:
            yield Outcome.skipped("tables", "a database isn't there")

    def _judged(self, bound: Wanted, binding: Mapping[str, Any] | None) -> Outcome:
        check = f"binding {bound.binding}"
        stack = self._account.stack
        kind = BOUND[bound.type]
        if binding is None:
            return Outcome.fail(
                check,
                f"the serving version has no binding {bound.binding}",
                f"Deploy the program's version: notifyctl up --stack {stack}",
            )
        fields = kind.bound.fields if kind.bound is not None else ()
        identifier = next((str(binding[key]) for key in fields if binding.get(key)), "")
        if binding.get("type") != bound.type:
            return Outcome.fail(
                check,
                f"{bound.binding} is a {binding.get('type')}, not a {kind.title}",
                f"Deploy the program's version: notifyctl up --stack {stack}",
            )
        listed = self._lists[bound.type]
        if identifier not in listed:
            there = ", ".join(sorted(listed)[:5]) or "none"
            found = f"{kind.title} {identifier} isn't in the account, which lists {there}"
            return Outcome.fail(check, found, bound.remedy.format(stack))
        wanted = bound.identifier or str(self._outputs.get(bound.output, identifier))
        if wanted != identifier:
            return Outcome.fail(
                check,
                f"bound to the {kind.title} {identifier}; the stack's is {wanted}",
                f"Deploy the stack's version again: notifyctl drift --stack {stack} --repair",
            )
        return Outcome.ok(check, f"{kind.title} {listed[identifier]} ({identifier})")

    def _tables(self) -> Outcome:
        problems = (
            SchemaState.read(database, self._context.project).problem
            for database in StackDatabase.all_of(self._context)
        )
        problem = next(filter(None, problems), "")
        if not problem:
            return Outcome.ok("tables", "every table of the schema is there")
        found, _, advice = problem.partition(". ")
        return Outcome.fail("tables", found, advice)

    def _bindings(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the bindings of the version that serves, by their names."""
        serving = ActiveDeployment.of_worker(self._account, str(self._outputs["worker_name"]))
        path = (
            f"/accounts/{self._account.account_id}/workers/workers/{self._outputs['worker_id']}"
            f"/versions/{serving.main_version}"
        )
        what = "read the version that serves"
        version = self._account.result(what, path)
        with self._account.understood(what):
            return {str(b["name"]): b for b in version.get("bindings") or [] if b.get("type")}

    @cached_property
    def _lists(self) -> Mapping[str, Mapping[str, str]]:
        """What the account has, by the type of binding: names by what a binding says."""
        of, ask = self._account.account_id, self._account.ask
        return {
            "d1": ask(
                "list the databases",
                lambda c: {str(d.uuid): str(d.name) for d in c.d1.database.list(account_id=of)},
            ),
            "kv_namespace": ask(
                "list the KV namespaces",
                lambda c: {str(n.id): str(n.title) for n in c.kv.namespaces.list(account_id=of)},
            ),
            "queue": ask(
                "list the queues",
                lambda c: {
                    str(q.queue_name): str(q.queue_id) for q in c.queues.list(account_id=of)
                },
            ),
        }
