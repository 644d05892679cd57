"""What the account would refuse of a deployment, asked before anything of it is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.account_api import AccountApi, CannotAsk, Forbidden
from infra.names import Names, StackNameError
from infra.preconditions.claims import Claims
from infra.preconditions.questions import Answers, ask, routes_in_state, taken_names
from infra.settings import Settings, SettingsError, read_settings
from ops.access.checks.outcome import Outcome
from ops.stacks.account import StackAccount
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.errors import StackFailed, StackMissing, UsageError
from ops.stacks.local_stack import LocalStack, rendered_file
from ops.stacks.resource_kinds import STORES

CHECK = "account"
_ADOPTED = (
    "adopt_database_id",
    "adopt_namespace_id",
    "adopt_retry_queue_id",
    "adopt_failed_queue_id",
    "adopt_worker_id",
)


class AccountState:
    """The account of one stack as a deployment finds it.

    Args:
        context: the stack.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        try:
            deployment = choose_driver(context).export()["deployment"] or {}
        except StackMissing:
            deployment = {}
        self._routes = routes_in_state(deployment.get("resources") or [])
        self._is_cut_off = bool(deployment.get("pending_operations"))
        self._made = [
            resource
            for resource in deployment.get("resources") or []
            if resource.get("id") and resource.get("type") in STORES
        ]

    @property
    def made(self) -> list[Mapping[str, Any]]:
        """The stores, queues and Worker that the state has."""
        return self._made

    def require_free_names(self) -> None:
        """Ask for the names that the stack doesn't have yet, all before the first is used.

        Raises:
            StackFailed: another resource has one, or the account can't be asked.
        """
        # What a run that was cut off made may be there unheard: the update says how to recover.
        if (
            self._is_of_access
            or self._is_cut_off
            or len(self._made) >= len(Names.__dataclass_fields__)
        ):
            return
        answers = self._names()
        if answers.refusals:
            raise StackFailed(
                "The account already has these, and not from this stack: "
                f"{', '.join(answers.refusals)}. "
                f"Nothing was created. Take them over with 'notifyctl import --stack "
                f"{self._context.stack}', or remove them."
            )
        if answers.full or answers.unknown:
            told = " ".join((*answers.full, *answers.unknown))
            raise StackFailed(f"Nothing was made: {told}")

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the check ``account``: names and addresses of others, limits, permissions."""
        if self._is_of_access:
            yield Outcome.ok(CHECK, "an access stack claims no names")
            return
        if (
            self._context.is_local
            and not rendered_file(self._context.project, self._context.stack).is_file()
        ):
            yield Outcome.ok(CHECK, "the first deployment starts it, empty")
            return
        named, claimed = self._names(), self._claims()
        taken = [f"taken: {text}" for text in named.refusals]
        refusals = [*taken, *named.full, *claimed.refusals]
        unknown = [*named.unknown, *claimed.unknown]
        if refusals:
            yield Outcome.fail(
                CHECK,
                " ".join(refusals),
                f"Take names over with 'notifyctl import --stack {self._context.stack}', addresses "
                "by the setting takeOver.",
            )
        elif unknown:
            yield Outcome.fail(CHECK, f"not known: {' '.join(unknown)}", "Try again.")
        else:
            yield Outcome.ok(CHECK, "no name or address belongs to anybody else")

    @property
    def _is_of_access(self) -> bool:
        return bool(self._context.file.known.manage_access)

    def _names(self) -> Answers:
        settings = self._context.known_settings()
        adopted = {str(getattr(settings, name)) for name in _ADOPTED}
        adopted.update(settings.adopt_further_database_ids)
        owned = {str(resource["id"]) for resource in self._made} | adopted
        with self._api() as api:
            return taken_names(api, self._stack_names(), owned, shards=settings.shards)

    def _claims(self) -> Answers:
        settings = self._settings()
        with self._api() as api:
            try:
                zone_id = settings.zone_id or _zone_id(api, settings)
            except Forbidden as error:
                return Answers(refusals=(str(error),))
            except CannotAsk as error:
                return Answers(unknown=(str(error),))
            # What a pin holds against is known with the bundle only: ask all the same.
            claims = Claims.of(
                settings,
                self._stack_names(),
                zone_id=zone_id,
                rolls_back=False,
                own_routes=self._routes,
            )
            return ask(api, claims)

    def _api(self) -> AccountApi:
        account = StackAccount.of(self._context)
        return AccountApi(account.base_url, account.account_id, token=account.token)

    def _stack_names(self) -> Names:
        try:
            return Names.of_stack(self._context.stack)
        except StackNameError as error:
            raise UsageError(str(error)) from None

    def _settings(self) -> Settings:
        path = self._context.file.path
        if self._context.is_local:
            path = LocalStack.prepare(self._context).config_file
        try:
            return read_settings(path)
        except SettingsError as error:
            raise UsageError(str(error)) from None


def _zone_id(api: AccountApi, settings: Settings) -> str | None:
    if not (settings.custom_domain or settings.route_pattern) or not settings.zone_name:
        return None
    for zone in api.listed("/zones", name=settings.zone_name):
        if zone.get("name") == settings.zone_name:
            return str(zone["id"])
    raise CannotAsk(
        f"there is no zone {settings.zone_name} in the account, or the token may not read it"
    )
