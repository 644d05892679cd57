"""The handshake with the Node host."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from localcloud.errors import PortInUse, StartFailed
from localcloud.host_process import HostOrder, NodeHost

ORDER = HostOrder(
    token="t",
    state_dir=Path("state"),
    edge_port=18_788,
    broker_url="http://127.0.0.1:1",
    broker_token="b",
)


def launch(program: str) -> tuple[int, int]:
    """Start a program in the host's place; return the ports that it told."""

    async def run() -> tuple[int, int]:
        host = await NodeHost([sys.executable, "-c", program]).launch(ORDER)
        await host.stop()
        return host.control_port, host.edge_port

    return asyncio.run(run())


def test_the_first_line_is_the_ports_and_further_ones_are_read_away() -> None:
    assert launch(
        "import sys; sys.stdin.readline();"
        'print(\'{"controlPort": 5, "edgePort": "6"}\', flush=True);'
        "print('x' * 3_000_000, flush=True); sys.stdin.read()"
    ) == (5, 6)


@pytest.mark.parametrize(
    "said",
    ["a warning", "[]", "null", "{}", '{"controlPort": 1}', '{"controlPort":1,"edgePort":"x"}'],
)
def test_a_first_line_of_another_form_is_a_failed_start(said: str) -> None:
    with pytest.raises(StartFailed, match="first line isn't its ports"):
        launch(f"print({said!r}, flush=True); import sys; sys.stdin.read()")


def test_a_first_line_without_an_end_is_a_failed_start() -> None:
    with pytest.raises(StartFailed, match="first line isn't its ports"):
        launch("print('1' * 3_000_000, flush=True); import sys; sys.stdin.read()")


def test_a_host_that_ends_says_why() -> None:
    with pytest.raises(StartFailed, match=r"ended with code 7 \(no room\)"):
        launch('import sys; print(\'{"error": "no room"}\', file=sys.stderr); sys.exit(7)')


def test_a_taken_port_is_named() -> None:
    said = '{"error": "port", "port": 18790}'
    with pytest.raises(PortInUse, match="18790"):
        launch(f"import sys; print({said!r}, file=sys.stderr); sys.exit(3)")
