"""An account in which somebody runs the earlier service, made by hand through the API."""

from __future__ import annotations

from typing import Any

from tests.installation import Installation
from tests.ops.adoption.earlier.installation import earlier_installation

ACCOUNT = "/client/v4/accounts/00000000000000000000000000000001"


def make_earlier_account(cloud: Installation, names: dict[str, str]) -> dict[str, str]:
    """Make database with data, namespace, queues, Worker and a consumer; return their ids.

    Args:
        cloud: an installation whose local cloud runs.
        names: the names of ``database``, ``namespace``, ``retry``, ``failed`` and ``worker``.
    """

    def post(path: str, body: Any) -> dict[str, Any]:
        answer = cloud.control("POST", f"{ACCOUNT}/{path}", json=body)
        assert answer.status_code < 300, answer.text
        result: dict[str, Any] = answer.json()["result"]
        return result

    ids = {
        "database": post("d1/database", {"name": names["database"]})["uuid"],
        "namespace": post("storage/kv/namespaces", {"title": names["namespace"]})["id"],
        "retry": post("queues", {"queue_name": names["retry"]})["queue_id"],
        "failed": post("queues", {"queue_name": names["failed"]})["queue_id"],
        "worker": post("workers/workers", {"name": names["worker"]})["id"],
    }
    batch = [{"sql": sql} for sql in earlier_installation()]
    answer = cloud.control(
        "POST", f"{ACCOUNT}/d1/database/{ids['database']}/query", json={"batch": batch}
    )
    assert answer.status_code == 200, answer.text
    consumer = {"type": "worker", "script_name": names["worker"]}
    post(f"queues/{ids['retry']}/consumers", consumer)
    return ids
