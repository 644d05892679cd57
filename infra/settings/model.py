"""All settings of a stack in one typed model."""

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from infra.settings import values as v
from infra.settings.access import AccessSettings
from infra.settings.account import AccountSettings
from infra.settings.address import AddressSettings
from infra.settings.key_dates import KeyDates
from infra.settings.queues import QueueSettings
from infra.settings.stores import StoreSettings
from infra.settings.traffic import TrafficSettings
from infra.settings.worker import WorkerSettings

GROUPS = (
    AccountSettings,
    AddressSettings,
    StoreSettings,
    WorkerSettings,
    QueueSettings,
    TrafficSettings,
    AccessSettings,
    KeyDates,
)
"""The settings by their subject, in the order in which they are shown."""


class Settings(
    # Reversed: pydantic takes the fields of the last base first.
    KeyDates,
    AccessSettings,
    TrafficSettings,
    QueueSettings,
    WorkerSettings,
    StoreSettings,
    AddressSettings,
    AccountSettings,
):
    """One stack's ordinary settings; the key of each is its name in camel case."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    @property
    def serves_console(self) -> bool:
        """Whether the version has the console: in production only where the stack says so."""
        return self.environment != "production" if self.console is None else self.console


class KnownSettings(Settings):
    """A stack's settings as far as its file tells them; what only Pulumi knows is `None`."""

    account_id: v.AccountId | None = None  # type: ignore[assignment]
    environment: v.Environment | None = None  # type: ignore[assignment]
