"""How a command reaches the service that a stack has deployed, and Cloudflare's API for a token."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from notification_sdk import UnknownFieldsWarning, ValidationError
from ops.access.token.token_api import Answer
from ops.stacks import endpoint
from ops.stacks.endpoint import connect, connected
from ops.stacks.errors import ServiceError, StackFailed, UsageError

OUTPUTS = {"service_url": "http://127.0.0.1:9", "api_secret_key": "k" * 64}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stack whose outputs and place a test may change."""
    found = SimpleNamespace(outputs=dict(OUTPUTS), is_local=False, required=[])

    def outputs(*, show_secrets: bool) -> Any:
        assert show_secrets
        return found.outputs

    driver = SimpleNamespace(outputs=outputs)
    monkeypatch.setattr(endpoint, "choose_driver", lambda _: driver)
    monkeypatch.setattr(
        endpoint, "require_local_cloud", lambda *given: found.required.append(given)
    )
    found.context = SimpleNamespace(is_local=False, project="project", stack="dev")
    return found


def test_a_client_has_the_stacks_address_and_key(stack: Any) -> None:
    with connect(stack.context) as service:
        assert service.base_url == OUTPUTS["service_url"]
        assert service.api_secret_key == OUTPUTS["api_secret_key"]
    assert stack.required == []
    stack.context.is_local = True
    connect(stack.context)
    assert stack.required == [("project", "dev")]


@pytest.mark.parametrize("key", OUTPUTS)
@pytest.mark.parametrize("value", [None, 5])
def test_a_stack_without_an_address_or_a_key_is_not_deployed(
    stack: Any, key: str, value: Any
) -> None:
    stack.outputs[key] = value
    with pytest.raises(StackFailed, match="The stack 'dev' isn't deployed: it has no service_url"):
        connect(stack.context)


@pytest.mark.parametrize(
    ("url", "trusts"), [("http://127.0.0.1:9", False), ("https://n.example.com", True)]
)
def test_a_proxy_is_for_services_elsewhere(
    stack: Any, monkeypatch: pytest.MonkeyPatch, url: str, trusts: bool
) -> None:
    made: list[Any] = []

    class Client:
        def __init__(self, *given: Any, **named: Any) -> None:
            made.append((given, named))

        def __enter__(self) -> Client:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(endpoint, "NotificationClient", Client)
    stack.outputs["service_url"] = url
    with connected(stack.context):
        pass
    assert made == [((url, OUTPUTS["api_secret_key"]), {"trust_env": trusts})]


def test_what_the_client_library_raises_is_the_services_error(stack: Any) -> None:
    request = httpx.Request("GET", "http://127.0.0.1:9/health")
    said = "GET /health was refused with 400 X: No"
    with pytest.raises(ServiceError, match=said), connected(stack.context):
        raise ValidationError("No.", code="X", status=400, request=request)


def test_unknown_fields_are_told_as_commands_tell_their_warnings_and_each_time(
    stack: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        with connected(stack.context):
            warnings.warn("No effect: \x1b[2J", UnknownFieldsWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: No effect: \\x1b[2J\n" * 2


def test_what_the_client_library_will_not_send_is_a_wrong_use(stack: Any) -> None:
    with (
        pytest.raises(UsageError, match=r"^user_id is empty\."),
        connected(stack.context) as client,
    ):
        client.logs.query(user_id="")


@pytest.mark.parametrize(
    ("status", "is_allowed", "is_there"),
    [
        (200, True, True),
        (399, True, True),
        (400, True, False),
        (401, False, False),
        (402, True, False),
        (403, False, False),
        (404, True, False),
    ],
)
def test_an_answer_tells_whether_the_token_may_ask(
    status: int, is_allowed: bool, is_there: bool
) -> None:
    answer = Answer(status, frozenset(), None)
    assert (answer.is_allowed, answer.is_allowed_and_there) == (is_allowed, is_there)
