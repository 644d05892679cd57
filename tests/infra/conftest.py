"""What the tests of the Pulumi program share."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from infra.inputs import Inputs
    from tests.infra.registrations import Declared


def pytest_configure(config: pytest.Config) -> None:
    """Keep the SDK's warnings about its own deprecated names out of the tests' output."""
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:pulumi_cloudflare")


@pytest.fixture(autouse=True)
def event_loop_of_its_own() -> Iterator[None]:
    """Pulumi's SDK wants a current event loop, and any test before may have taken it away."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def declared(tmp_path: Path) -> Callable[..., "Declared"]:
    """Declare a stack with changed settings; `edit` changes what the program reads.

    `before` are the outputs of the Worker version that the state has.
    """
    # Imported here: at this module's import the filter above doesn't hold yet.
    from infra.program import declare
    from tests.infra.registrations import declare_stack
    from tests.infra.stack_inputs import stack_inputs

    def run(
        stack: str = "production",
        *,
        edit: Callable[["Inputs"], "Inputs"] = lambda i: i,
        before: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> "Declared":
        inputs = edit(stack_inputs(tmp_path, stack, **changes))
        return declare_stack(lambda: declare(inputs), stack=stack, before=before)

    return run
