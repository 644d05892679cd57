from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ops.stacks.service import ServiceClient
from tests.installation import Installation
from tests.integration.conformance.chat_apis import ChatApis
from tests.integration.conformance.deployed import SECRETS, Deployed


@pytest.fixture(scope="session")
def apis() -> Iterator[ChatApis]:
    with ChatApis() as running:
        yield running


@pytest.fixture(scope="session")
def installation(
    tmp_path_factory: pytest.TempPathFactory, apis: ChatApis
) -> Iterator[Installation]:
    """One deployed installation for the whole suite, with every optional secret set."""
    built = Installation(tmp_path_factory.mktemp("conformance"))
    settings = {"testClock": True, "telegramApiUrl": apis.url}
    built.configure(settings | built.seal(**SECRETS))
    built.up()
    yield built
    built.close()


@pytest.fixture(scope="session")
def service(installation: Installation) -> Iterator[Deployed]:
    """The deployed service, and a caller who can sign."""
    outputs = installation.outputs()
    signed = ServiceClient(outputs["service_url"], outputs["api_secret_key"], now=installation.now)
    with (
        signed,
        httpx.Client(base_url=outputs["service_url"], trust_env=False, timeout=60) as anyone,
    ):
        yield Deployed(installation, signed, anyone)


@pytest.fixture
def user() -> str:
    return f"user-{secrets.token_hex(4)}"


@pytest.fixture
def hooked(service: Deployed, user: str) -> str:
    """A user whose webhook is the sink, at ``/hook/USER``."""
    service.configure(user, "webhook", webhook_url=service.hook(user))
    return user


def pytest_collection_modifyitems(items: list[Any]) -> None:
    for item in items:
        if "conformance" in str(item.path):
            item.add_marker(pytest.mark.workerd)
