"""An answer of no known form, of whatever stands at the service's address, ends in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from ops.database.log_removal import remove_old_logs
from ops.database.stack_database import StackDatabase
from ops.database.test_data import TestData
from ops.deploy.key_rotation import rewrap
from ops.observe.metrics.service_metrics import ServiceMetrics
from ops.observe.notifications import discard, retry_in_bulk
from ops.observe.reports import operation_report
from ops.observe.reports.capacity import capacity
from ops.observe.reports.operation_report import Period
from ops.observe.reports.section import Section
from ops.stacks.console import Step
from ops.stacks.errors import OperationError, ServiceError
from ops.stacks.service import ServiceClient
from tests.ops.answering_service import answering_service

FIELDS: tuple[dict[str, Any], ...] = (
    *({}, {"x": 1}, {"points": 5}, {"points": [5]}, {"points": [{}]}, {"points": [{"value": "x"}]}),
    *({"deleted_count": None}, {"deleted_count": "x"}, {"deleted_count": [], "more": True}),
    *({"resealed": 1}, {"resealed": 1, "unreadable": 0, "currentKey": "k", "rowsByKey": 5}),
    *({"matched": [], "queued": "x"}, {"updated": "x"}, {"performance": 5}),
    {"resealed": 1, "unreadable": 0, "currentKey": "k", "rowsByKey": {"old": "x"}},
    {"secretFingerprints": 5},
)
BODIES = [
    *("{}", '{"data": 5}', '{"data": []}', '{"data": null}', '{"results": 5}', '{"results": [5]}'),
    '{"totalSent": "x", "totalFailed": 1, "totalRetries": []}',
    *(json.dumps({"success": True, "data": fields}) for fields in FIELDS),
]


class Database:
    """One that answers whatever it is asked."""

    def described(self) -> dict[str, Any]:
        return {"file_size": 1}

    def query(self, *_: str) -> list[dict[str, Any]]:
        return [{"n": 1}]


DATABASE = cast(StackDatabase, Database())


def errors(service: ServiceClient) -> Section:
    return operation_report._errors(service, [DATABASE], Period.DAILY)


ASKING: dict[str, Callable[[ServiceClient], object]] = {
    "cleanup": lambda s: remove_old_logs(s, days=30, told=str),
    "rewrap": lambda s: rewrap(s, Step("")),
    "retry": lambda s: retry_in_bulk(s, {}),
    "discard": lambda s: discard(s, [1]),
    "test data": lambda s: TestData(s, "http://127.0.0.1:1").write(users=1, sends=1),
    "fingerprints": lambda s: s.secret_fingerprints(),
    "capacity": lambda s: capacity(s, [DATABASE]),
    "errors": errors,
    "metrics": ServiceMetrics.read,
}


@pytest.mark.parametrize("name", ASKING)
def test_no_form_of_an_answer_ends_a_command_but_by_a_sentence(name: str) -> None:
    with answering_service() as api, ServiceClient(api.url, "k" * 64) as service:
        for body in BODIES:
            api.answers = [(200, body.encode())]
            try:
                found = ASKING[name](service)
            except OperationError:
                continue
            if isinstance(found, Section):
                assert all(line.startswith("not known: ") for line in found.lines), body
            if isinstance(found, ServiceMetrics):
                assert found.problem, body


@pytest.mark.parametrize("name", ["cleanup", "rewrap", "retry", "discard", "test data"])
def test_an_answer_without_what_was_asked_for_is_refused(name: str) -> None:
    with answering_service() as api, ServiceClient(api.url, "k" * 64) as service:
        api.answers = [(200, b'{"data": 5}')]
        with pytest.raises(ServiceError):
            ASKING[name](service)


def test_a_bulk_retry_that_goes_round_in_a_circle_ends() -> None:
    with answering_service() as api, ServiceClient(api.url, "k" * 64) as service:
        page = {"matched": 9, "queued": 2, "next": 7}
        api.answers = [(200, json.dumps({"data": page}).encode())]
        with pytest.raises(ServiceError, match=r"^4 notifications were queued, and the service"):
            retry_in_bulk(service, {})
        assert len(api.seen) == 2
