"""The embedded engine reaches this machine and no other."""

import re

import pytest

from engine import NotLoopback
from engine.loopback import require_loopback
from engine.providers import stand_in
from localcloud.loopback import is_loopback
from tests.engine.workspace import Workspace

OUTSIDE = [
    "https://api.cloudflare.com/client/v4",
    "http://127.0.0.1@example.com/client/v4",
    "http://127.0.0.1.example.com/",
    "http://10.0.0.1/",
    "http://[::ffff:10.0.0.1]/",
    "http://localhost.example.com/",
    "ftp://127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "127.0.0.1:8787",
    "http://0.0.0.0/",
    "",
]


@pytest.mark.parametrize("url", OUTSIDE)
def test_anything_else_is_not_loopback(url: str) -> None:
    assert not is_loopback(url)
    for package in ("cloudflare", "github"):
        with pytest.raises(NotLoopback):
            stand_in(package, {"baseUrl": url, "apiToken": "t" * 40}, {})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8787/client/v4", "http://localhost:1/", "http://[::1]:8787/"]
)
def test_loopback_addresses_are(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize("variable", ["CLOUDFLARE_BASE_URL", "GITHUB_BASE_URL"])
def test_the_environment_is_refused_before_anything_runs(
    workspace: Workspace, variable: str
) -> None:
    workspace.program("stores")
    workspace.environment[variable] = "https://example.com"
    with pytest.raises(NotLoopback, match=variable):
        workspace.engine().up()
    assert workspace.events == []
    assert not workspace.backend.exists()


def test_the_config_is_refused_before_anything_runs(workspace: Workspace) -> None:
    workspace.program("stores")
    workspace.base_url = "https://api.cloudflare.com/client/v4"
    with pytest.raises(NotLoopback, match=re.escape("cloudflare:baseUrl points at api.cloudflare")):
        workspace.engine().preview()
    assert workspace.events == []


def test_a_providers_own_argument_is_refused_before_any_call(workspace: Workspace) -> None:
    workspace.program("stores")
    workspace.edit(r'pulumi.Config\("cloudflare"\).require\("baseUrl"\)', '"https://example.com"')
    refused = workspace.engine().up()
    assert refused.result == "failed"
    assert "points at example.com" in refused.message
    assert workspace.api.calls == []


def test_a_destroy_refuses_an_endpoint_in_the_state(workspace: Workspace) -> None:
    workspace.program("stores")
    workspace.up()
    calls = len(workspace.api.calls)
    text = workspace.stack_file.read_text()
    workspace.stack_file.write_text(text.replace(workspace.api.url, "https://example.com"))
    refused = workspace.engine().destroy()
    assert refused.result == "failed"
    assert "example.com" in refused.message
    assert len(workspace.api.calls) == calls


def test_a_closed_network_is_one_by_its_interfaces_and_not_by_its_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "https://api.cloudflare.com/client/v4"
    inputs = {"baseUrl": url, "apiToken": "t" * 40}
    monkeypatch.setattr("socket.if_nameindex", lambda: [(1, "lo"), (2, "eth0")])
    with pytest.raises(NotLoopback, match=re.escape("points at api.cloudflare.com")):
        stand_in("cloudflare", inputs, {}, closed_network=True)
    monkeypatch.setattr("socket.if_nameindex", lambda: [(1, "lo")])
    with pytest.raises(NotLoopback):
        stand_in("cloudflare", inputs, {})
    assert require_loopback(url, source="It", closed_network=True) == url
