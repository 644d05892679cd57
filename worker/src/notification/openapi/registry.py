"""All operations by handler."""

from notification.http.router import Handler
from notification.openapi.operation import Operation
from notification.openapi.operations import (
    database,
    deployment,
    inbound,
    insight,
    notifications,
    queues,
    recipients,
    sending,
    tasks,
    templates,
)


def all_operations() -> dict[Handler, Operation]:
    """Every handler's operation."""
    groups = (
        sending,
        inbound,
        recipients,
        templates,
        notifications,
        queues,
        insight,
        tasks,
        database,
        deployment,
    )
    return {handler: o for group in groups for handler, o in group.OPERATIONS.items()}
