"""Faults of the local cloud are put in force and lifted by its own calls."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.stacks import local_faults
from ops.stacks.errors import OperationError
from ops.stacks.local_faults import add_fault, clear_faults, list_faults
from ops.stacks.project import Project
from tests.ops.answering_service import AnsweringService, answering_service


def asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, service: AnsweringService, *answers: Any
) -> Project:
    url = f"{service.url}/client/v4"
    monkeypatch.setattr(local_faults, "local_cloud_status", lambda _: {"control_url": url})
    home = lambda _: SimpleNamespace(api_token=lambda: "t" * 8)  # noqa: E731
    monkeypatch.setattr(local_faults, "CloudHome", home)
    service.answers = [
        (answer[0], answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode())
        for answer in answers
    ]
    return Project(root=tmp_path, home=tmp_path)


def test_each_is_one_call_of_the_local_clouds_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fault = {"id": 1, "fault": "d1 query 500"}
    with answering_service() as service:
        project = asked(
            monkeypatch,
            tmp_path,
            service,
            *(
                (200, fault),
                (200, {"faults": [fault]}),
                (200, {"cleared": 1}),
                (200, {"cleared": 3}),
            ),
        )
        assert add_fault(project, "d1 query 500") == fault
        assert list_faults(project) == [fault]
        assert (clear_faults(project, 1), clear_faults(project, None)) == (1, 3)
    assert [(call["method"], call["target"]) for call in service.seen] == [
        ("POST", "/local/faults"),
        ("GET", "/local/faults"),
        ("DELETE", "/local/faults/1"),
        ("DELETE", "/local/faults"),
    ]
    assert json.loads(service.seen[0]["body"]) == {"fault": "d1 query 500"}


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_refusal_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int
) -> None:
    with answering_service() as service:
        said = {"errors": [{"message": "no such call"}, {"message": "second"}]}
        project = asked(monkeypatch, tmp_path, service, (status, said))
        with pytest.raises(OperationError, match=r"^no such call$"):
            add_fault(project, "x")


def test_no_answer_and_no_local_cloud_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with answering_service() as service:
        project = asked(monkeypatch, tmp_path, service, (200, b"a proxy's page"))
        with pytest.raises(OperationError, match=r"gave no answer\. See: notifyctl local status"):
            list_faults(project)
    with pytest.raises(OperationError, match="gave no answer"):
        list_faults(project)
    monkeypatch.setattr(local_faults, "local_cloud_status", lambda _: {})
    with pytest.raises(OperationError, match=r"doesn't run\. Start it: notifyctl local start"):
        list_faults(project)
