"""The envelopes of answers, whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.errors import ServiceError
from notification.http.response import failure, success


def test_a_success_has_its_fields_and_headers() -> None:
    done = success(status=201, headers={"X-A": "b"}, data={"ü": 1}, message="done")
    assert done.status == 201
    assert done.body == '{"success":true,"data":{"ü":1},"message":"done"}'
    assert done.headers["X-A"] == "b"
    assert success().body == '{"success":true}'


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({}, {}),
        ({"details": [{"field": "a"}]}, {"details": [{"field": "a"}]}),
        ({"details": 0}, {"details": 0}),
        ({"retry_after": 0}, {"retryAfter": 0}),
        ({"retry_after": 30, "details": {}}, {"details": {}, "retryAfter": 30}),
    ],
)
def test_a_refusal_tells_its_code_and_what_else_it_has(
    options: dict[str, Any], fields: dict[str, Any]
) -> None:
    refused = failure(ServiceError("NOT_FOUND", "It is gone", **options), "r-1", more=True)
    assert json.loads(refused.body) == {
        "success": False,
        "error": "It is gone",
        "code": "NOT_FOUND",
        "request_id": "r-1",
        "more": True,
        **fields,
    }
    assert (refused.status, refused.code) == (404, "NOT_FOUND")
    waits = str(options["retry_after"]) if "retry_after" in options else None
    assert refused.headers.get("Retry-After") == waits
