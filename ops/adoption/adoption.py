"""Brings what an account has already under a stack's management."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from infra.migrations.d1 import D1Database, retry_unavailable
from infra.migrations.errors import MigrationError
from infra.migrations.location import MIGRATIONS
from infra.names import Names, StackNameError
from infra.shards.record import Placement, read_placement
from ops.adoption.earlier_data import EarlierData
from ops.adoption.existing import DATABASE, FAILED_QUEUE, RETRY_QUEUE, AccountListing, Existing
from ops.adoption.plan import AdoptionPlan, ReplacedConsumer
from ops.stacks.account import StackAccount
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext
from ops.stacks.data_loss import lost_stores
from ops.stacks.deployment_report import DeploymentReport, StackDeployer
from ops.stacks.driver import StackDriver, StackUpdate
from ops.stacks.errors import GateClosed, OperationError, StackMissing, UsageError
from ops.stacks.local_cloud import start_local_cloud
from ops.stacks.local_stack import NAMESPACE
from ops.stacks.service import ServiceClient

if TYPE_CHECKING:
    from cloudflare import Cloudflare

_ROTATION = {"taskName": "key_rotation"}
_MAX_ROTATIONS = 1000


@dataclass(frozen=True)
class AdoptionReport:
    """What an adoption did.

    Attributes:
        plan: what it had planned.
        deployment: the deployment in which the resources were imported.
        staying: earlier rows that this schema has no place for, by the table they stay in.
        in_clear: configurations that could not be encrypted.
    """

    plan: AdoptionPlan
    deployment: DeploymentReport
    staying: Mapping[str, int]
    in_clear: int

    def document(self) -> dict[str, Any]:
        """Return the report for ``--json``."""
        return {
            **self.plan.document(),
            "deployment": self.deployment.document(),
            "earlier_rows_left": dict(self.staying),
            "configurations_in_clear": self.in_clear,
        }


class Adoption:
    """Plans and carries out the adoption of one stack; safe to repeat after any failure.

    Args:
        context: the stack, and where its steps are shown.
        deployer: makes what deploys a stack.
    """

    def __init__(
        self, context: StackContext, deployer: Callable[[StackContext], StackDeployer]
    ) -> None:
        self._context = context
        self._project = context.project
        self._stack = context.stack
        self._reporter = context.reporter
        self._deployer = deployer

    def plan(self) -> AdoptionPlan:
        """Look at the account; nothing is changed.

        Raises:
            UsageError: an id is given and nothing has it, or a name can't be kept.
            GateClosed: the database is the first of several, and the settings or the account have
                fewer.
            OperationError: the account can't be read.
        """
        if self._context.is_local:
            start_local_cloud(self._project, self._reporter)
        account = StackAccount.of(self._context)
        try:
            names = Names.of_stack(self._stack)
        except StackNameError as error:
            raise UsageError(str(error)) from None
        driver = choose_driver(self._context)
        # The state, and not the outputs: a first update that failed half-way has set none.
        state = _resources(driver)
        ours = {str(one.get("id")) for one in state if not one.get("delete")}
        consumers_of_ours = {str((one.get("outputs") or {}).get("consumerId")) for one in state}
        with self._reporter.step("Account") as step:
            listing = AccountListing(account)
            found = listing.find(names, self._context)
            database = next((item for item in found if item.kind is DATABASE), None)
            if database is not None:
                found += self._further(listing, names, account, database)
            managed = [item for item in found if item.id in ours]
            adopted = [item for item in found if item not in managed]
            with account.understood("list the queues' consumers"):
                consumers = tuple(_consumers(listing, found, ours | consumers_of_ours))
            earlier = None
            if database is not None:
                with _database(account, database.id) as data:
                    earlier = self._data(data).look()
            step.detail = f"{len(adopted)} to adopt, {len(managed)} managed"
        self._refuse_location(adopted)
        return AdoptionPlan(self._stack, tuple(adopted), tuple(managed), consumers, earlier)

    def preview(self, plan: AdoptionPlan) -> None:
        """Let the engine say what the deployment would do with the planned imports."""
        with self._settings(plan) as context:
            self._refuse_loss(self._deployer(context).preview())

    def run(self, plan: AdoptionPlan, *, verify: bool) -> AdoptionReport:
        """Carry the plan out.

        Raises:
            OperationError: a step failed; run the same command again to go on.
        """
        account = StackAccount.of(self._context)
        database_id = next(
            (item.id for item in (*plan.adopted, *plan.managed) if item.kind is DATABASE), None
        )
        with self._settings(plan) as context:
            # Whatever the engine refuses shows here, before anything is changed.
            self._refuse_loss(self._deployer(context).preview())
        spreads = plan.earlier is not None and self._is_undivided(account, database_id)
        with self._settings(plan, **({"shards": 1} if spreads else {})) as context:
            if plan.earlier is not None and database_id is not None:
                self._take_over(account, database_id)
            self._remove_consumers(account, plan)
            deployment = self._deployer(context).run(
                message="Adoption of what exists", verify=verify
            )
        staying: Mapping[str, int] = {}
        in_clear = 0
        if plan.earlier is not None and database_id is not None:
            staying, in_clear = self._finish(account, database_id, deployment)
        if spreads:
            # What the earlier service left is taken over in one database, and whole.
            with self._context.with_config(self._kept()) as context:
                self._deployer(context).run(message="Recipients are spread", verify=verify)
        return AdoptionReport(plan, deployment, staying, in_clear)

    def _further(
        self, listing: AccountListing, names: Names, account: StackAccount, first: Existing
    ) -> list[Existing]:
        """Return the other databases that have recipients, as the first one says."""
        with _database(account, first.id) as data, _refusals():
            placement = retry_unavailable(read_placement, data) or Placement()
        if placement.reach > (wanted := self._context.settings.shards):
            raise GateClosed(
                f"The database {first.name} says that its recipients are spread over "
                f"{placement.reach} databases, and shards is {wanted}: the import would leave the "
                f"others' out. Nothing was changed. Set shards to {placement.reach}, and run the "
                "same command again."
            )
        return listing.further_databases(names, placement.reach)

    def _is_undivided(self, account: StackAccount, database_id: str | None) -> bool:
        """Whether recipients have yet to be spread over as many databases as the settings want."""
        if database_id is None or self._context.settings.shards == 1:
            return False
        with _database(account, database_id) as data, _refusals():
            placement = retry_unavailable(read_placement, data)
        return placement is None or placement.reach == 1

    def _take_over(self, account: StackAccount, database_id: str) -> None:
        with self._reporter.step("Rows of the earlier service") as step:
            with _database(account, database_id) as data, _refusals():
                self._data(data).take_over(lambda text: setattr(step, "detail", text))
            step.detail = "copied"

    def _finish(
        self, account: StackAccount, database_id: str, deployment: DeploymentReport
    ) -> tuple[Mapping[str, int], int]:
        outputs = deployment.update.outputs
        url, key = str(outputs["service_url"]), str(outputs["api_secret_key"])
        with (
            self._reporter.step("Configurations encrypted") as step,
            _database(account, database_id) as data,
            ServiceClient(url, key) as service,
            _refusals(),
        ):
            earlier = self._data(data)
            left = earlier.clear_text_left()
            for _ in range(_MAX_ROTATIONS):
                if not left:
                    break
                service.result("POST", "/api/scheduled-tasks/trigger", body=_ROTATION)
                before, left = left, earlier.clear_text_left()
                if left == before:
                    break
            step.detail = f"{left} left in clear" if left else ""
            return earlier.finish(), left

    def _remove_consumers(self, account: StackAccount, plan: AdoptionPlan) -> None:
        for consumer in plan.consumers:
            path = (
                f"/accounts/{account.account_id}/queues/{consumer.queue_id}/consumers/"
                f"{consumer.consumer_id}"
            )
            with self._reporter.step(f"Consumer of {consumer.queue} removed"):
                account.ask(f"remove the consumer of {consumer.queue}", partial(_delete, path))

    def _refuse_loss(self, planned: StackUpdate) -> None:
        if lost := lost_stores(planned):
            raise GateClosed(
                f"The import would delete or replace {' and '.join(lost)}, so nothing was changed. "
                f"The state has another resource in that place: see 'pulumi stack export --stack "
                f"{self._stack}', and correct the id to import or remove that resource from the "
                "state with 'pulumi state delete'."
            )

    def _refuse_location(self, adopted: list[Existing]) -> None:
        file = self._context.file
        if file.checked.is_set("d1Location") and any(item.kind is DATABASE for item in adopted):
            raise UsageError(
                f"{file.path.name} sets d1Location, which holds only for a database that "
                "is made: the one to adopt stays where it is. Take the setting out."
            )

    def _data(self, database: D1Database) -> EarlierData:
        return EarlierData(database, self._project.root / MIGRATIONS)

    @contextmanager
    def _settings(self, plan: AdoptionPlan, **changed: int) -> Iterator[StackContext]:
        """Give the stack's settings with the ids to import, for as long as the block runs.

        They are in no tracked file: after the import an id says nothing that the state doesn't.
        """
        given = {
            f"{NAMESPACE}:{name}": value
            for name, value in (*plan.import_ids.items(), *changed.items())
        }
        with self._context.with_config({**self._kept(), **given}) as context:
            yield context

    def _kept(self) -> dict[str, Any]:
        """Return the stack's settings without ids to import."""
        return {
            key: value
            for key, value in self._context.file.config.items()
            if not key.startswith(f"{NAMESPACE}:adopt")
        }


def _resources(driver: StackDriver) -> list[Mapping[str, Any]]:
    try:
        return driver.resources()
    except StackMissing:
        return []  # The import is the first deployment, which makes the stack.


def _consumers(
    listing: AccountListing, found: list[Existing], ours: set[str]
) -> Iterator[ReplacedConsumer]:
    for item in found:
        if item.kind not in (RETRY_QUEUE, FAILED_QUEUE):
            continue
        for consumer in listing.items(f"queues/{item.id}/consumers"):
            if consumer["consumer_id"] not in ours:
                script = str(consumer.get("script_name") or consumer.get("script"))
                yield ReplacedConsumer(item.id, item.name, str(consumer["consumer_id"]), script)


def _delete(path: str, client: Cloudflare) -> object:
    return client.delete(path, cast_to=object)


def _database(account: StackAccount, database_id: str) -> D1Database:
    """Return the database over the REST API, with the token that belongs to the stack's account."""
    return D1Database(
        account_id=account.account_id,
        database_id=database_id,
        base_url=account.base_url,
        token=account.token,
    )


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except MigrationError as error:
        raise OperationError(
            f"The import stopped: {error} Nothing is lost: run the same command again to continue."
        ) from None
