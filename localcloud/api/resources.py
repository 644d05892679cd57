"""What every family of resources works with."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from starlette.routing import Route

from localcloud.analytics.d1_queries import QueryCounts
from localcloud.broker.message_store import Backlog
from localcloud.clock import VirtualClock
from localcloud.database import Database
from localcloud.desired_state import DesiredState
from localcloud.home import CloudHome
from localcloud.runtime import Runtime
from localcloud.tail.tails import Tails


@dataclass(frozen=True)
class Account:
    """The one account: its tables, its clock, the runtime, and who wants to hear of changes."""

    database: Database
    clock: VirtualClock
    home: CloudHome
    desired: DesiredState
    runtime: Runtime
    tails: Tails
    backlog: Callable[[str], Backlog]
    queues_changed: Callable[[], None]
    queue_deleted: Callable[[str], None]
    schedules_changed: Callable[[], None]
    free_plan: bool = False
    queries: QueryCounts = field(default_factory=QueryCounts)
    ids: Callable[[], str] = field(default=lambda: uuid.uuid4().hex)

    def uuid(self) -> str:
        """A new id in the form with dashes."""
        return str(uuid.UUID(self.ids()))


Family = Callable[[Account], Sequence[Route]]
"""A module of this package offers one such function, `routes`: paths begin below the account."""
