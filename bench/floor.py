"""The floor Worker: what a send can't do without, deployed on the service's own database.

It takes a request, inserts one row, makes one POST to the same endpoint, reads its answer, updates
the row, and answers. It has neither authentication, parsing, validation, configuration, log lines
nor response headers, and it uses the runtime as its documentation shows: raw bindings, one `await`
per call. The service does all of that and the same two writes and one call, in the same runtime,
under the same load client, in turn with the floor. Rows go into the service's own table, so both
pay for the same indexes and constraints.
"""

from __future__ import annotations

from pathlib import Path

from bench.side_worker import SideWorker
from tests.installation import Installation

NAME = "bench-floor"


def deploy_floor(installation: Installation, *, endpoint: str) -> str:
    """Deploy the floor Worker and return the Host header under which it answers."""
    worker = SideWorker(installation, NAME)
    worker.deploy(
        Path(__file__).parent / "floor_worker",
        [
            {"name": "DB", "type": "d1", "id": installation.outputs()["d1_database_id"]},
            {"name": "ENDPOINT", "type": "plain_text", "text": endpoint},
        ],
    )
    return worker.host
