"""Behind a company's proxy and its own certificate authority every command works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.closed_network.forward_proxy import PORT
from tests.closed_network.network import IN_A_CLOSED_NETWORK
from tests.closed_network.operator import Operator

pytestmark = [*IN_A_CLOSED_NETWORK, pytest.mark.soak]
STACK = ("--stack", "development")


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with Operator.at_work(tmp_path) as made:
        made.set_up()
        made.environment["HTTPS_PROXY"] = f"http://ada:secret@127.0.0.1:{PORT}"
        # Names mean nothing here: what goes past the proxy goes nowhere.
        (made.network.folder / "no-names").touch()
        yield made


def test_every_client_goes_by_the_proxy_and_trusts_the_companys_authority(
    operator: Operator,
) -> None:
    operator.ctl("up", *STACK)
    operator.ctl("verify", *STACK, "--integration")
    for command in (("status", "--no-drift"), ("drift",), ("releases",), ("db", "status")):
        operator.ctl(*command, *STACK)
    operator.ctl("logs", *STACK)
    told = operator.run("notifyctl", "diagnose", *STACK)
    assert f"proxy: 127.0.0.1:{PORT} makes the connection" in told.stdout, told.stdout + told.stderr
    asked = (operator.network.folder / "connect.log").read_text().splitlines()
    assert "CONNECT api.cloudflare.com:443" in asked
    assert "CONNECT notification-system-dev.local.workers.dev:443" in asked
    assert {line.split()[0] for line in asked} == {"CONNECT"}

    done = operator.run("notifyctl", "doctor", *STACK, "--json")
    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["proxy"]["found"].startswith(f"127.0.0.1:{PORT} for https://api.cloudflare.com")
    assert operator.environment["SSL_CERT_FILE"] in checks["certificates"]["found"]
    assert "ada" not in checks["proxy"]["found"]
