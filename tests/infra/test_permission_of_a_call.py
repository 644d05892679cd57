"""Which permission a call needs, for the whole family and for the call alone."""

from __future__ import annotations

import pytest

from infra.access.calls import permission_of
from infra.access.permission import Permission

QUEUES = "/accounts/0123/queues"


@pytest.mark.parametrize(
    ("method", "least", "permission"),
    [
        ("GET", False, Permission.QUEUES_WRITE),
        ("GET", True, Permission.QUEUES_READ),
        ("POST", False, Permission.QUEUES_WRITE),
        ("POST", True, Permission.QUEUES_WRITE),
    ],
)
def test_only_a_reading_call_by_itself_gets_by_with_the_reading_permission(
    method: str, least: bool, permission: Permission
) -> None:
    assert permission_of(method, QUEUES, least=least) is permission


def test_a_reading_call_of_a_family_without_a_reading_permission_needs_the_familys() -> None:
    path = "/accounts/0123/r2/buckets"
    assert permission_of("GET", path, least=True) is Permission.WORKERS_R2_STORAGE_WRITE


def test_a_call_outside_of_the_table_has_none() -> None:
    assert permission_of("GET", "/accounts/0123/nothing-of-ours") is None
