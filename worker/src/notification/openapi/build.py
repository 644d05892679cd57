"""Building the document: `python -m notification.openapi.build VERSION` prints it.

This runs when the bundle is built. The Worker serves the finished text, and the bundle leaves the
package `notification.openapi` out.
"""

import sys

from notification.compact_json import compact_json
from notification.http.router import Handler
from notification.openapi.document import build_document
from notification.openapi.operation import Operation
from notification.openapi.operations import (
    inbound,
    insight,
    installation,
    notifications,
    queues,
    recipients,
    sending,
    tasks,
    templates,
)
from notification.routes.table import all_routes


def all_operations() -> dict[Handler, Operation]:
    """Return the operations of all handlers."""
    groups = (
        sending,
        inbound,
        recipients,
        templates,
        notifications,
        queues,
        insight,
        tasks,
        installation,
    )
    return {handler: o for group in groups for handler, o in group.OPERATIONS.items()}


def document_text(version: str) -> str:
    """Return the document of a version of the service, as JSON."""
    return compact_json(build_document(all_routes(), all_operations(), version))


if __name__ == "__main__":
    sys.stdout.buffer.write(document_text(sys.argv[1]).encode())
