"""What the engine says that a stack's state has, before the program declares anything."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from infra.stack_state import read_outputs

Asked = list[tuple[str, dict[str, str]]]
STACK, RESOURCES = "pulumi:pulumi:readStackOutputs", "pulumi:pulumi:readStackResourceOutputs"
DATABASE = {"type": "cloudflare:index/d1Database:D1Database", "outputs": {"uuid": "1"}}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Asked]:
    """Lets the engine answer by token; an exception is raised."""
    monkeypatch.setattr(pulumi, "get_project", lambda: "notification-system")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")

    def answering(answers: dict[str, Any], *, organization: str = "team") -> Asked:
        asked: Asked = []

        def invoke(token: str, arguments: dict[str, str]) -> SimpleNamespace:
            asked.append((token, arguments))
            if isinstance(answers[token], Exception):
                raise answers[token]
            return SimpleNamespace(value=answers[token])

        monkeypatch.setattr(pulumi, "get_organization", lambda: organization)
        monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
        return asked

    return answering


@pytest.mark.parametrize(("organization", "name"), [("team", "team"), ("", "organization")])
def test_the_resources_of_the_stack_that_runs_are_asked_for(
    engine: Callable[..., Asked], organization: str, name: str
) -> None:
    found = {"urn-1": DATABASE, "urn-2": {"type": "x", "outputs": {}}}
    answers = {STACK: {"outputs": {"release": {}}}, RESOURCES: {"outputs": found}}
    asked = engine(answers, organization=organization)
    assert read_outputs() == list(found.values())
    full = f"{name}/notification-system/dev"
    assert asked == [(STACK, {"name": full}), (RESOURCES, {"stackName": full})]


@pytest.mark.parametrize("told", [None, {}, {"outputs": None}, {"outputs": {}}])
def test_a_stack_without_a_state_has_no_resources_and_nothing_more_is_asked(
    engine: Callable[..., Asked], told: dict[str, Any] | None
) -> None:
    asked = engine({STACK: told})
    assert read_outputs() == ()
    assert len(asked) == 1


@pytest.mark.parametrize("told", [None, {}, {"outputs": None}, {"outputs": {}}])
def test_a_state_without_resources_is_an_empty_one(
    engine: Callable[..., Asked], told: dict[str, Any] | None
) -> None:
    engine({STACK: {"outputs": {"a": 1}}, RESOURCES: told})
    assert read_outputs() == []


@pytest.mark.parametrize("token", [STACK, RESOURCES])
def test_an_engine_that_cant_be_asked_is_not_taken_for_an_empty_state(
    engine: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "debug", told.append)
    engine({STACK: {"outputs": {"a": 1}}, RESOURCES: {}, token: RuntimeError("unknown token")})
    assert read_outputs() is None
    assert told == ["The state before this update can't be asked: unknown token"]
