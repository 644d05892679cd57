"""What the tests of doctor, check and rotation share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.installation import Installation


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A deployed stack on the real clock; each test leaves it as sound as it was."""
    with Installation.deployed(tmp_path_factory.mktemp("readiness")) as built:
        yield built
