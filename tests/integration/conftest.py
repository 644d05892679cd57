from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.installation import Installation
from tests.integration.adopted_account import AdoptedAccount


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One deployed installation, shared by the tests that leave no trace and move no clock."""
    with Installation.deployed(
        tmp_path_factory.mktemp("installation"), settings={"testClock": True}
    ) as built:
        yield built


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation of the test's own; nothing is deployed yet."""
    built = Installation(tmp_path_factory.mktemp("fresh"), settings={"testClock": True})
    yield built
    built.close()


@pytest.fixture(scope="session")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdoptedAccount]:
    """An account of the earlier service, taken over; the tests of edits end with its destroy."""
    with AdoptedAccount.made(tmp_path_factory.mktemp("adopted")) as found:
        yield found
