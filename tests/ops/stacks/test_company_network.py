"""The environment's proxy and certificates hold for what leaves this machine, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from ops.access.checks.outcome import Outcome
from ops.access.token.token_api import TokenApi
from ops.database.d1_transfer import D1Transfer
from ops.github.repository import Repository
from ops.observe.doctor.network import look_at_network
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError, UsageError
from ops.stacks.proxy import proxy_for
from ops.stacks.service import ServiceClient
from tests.ops.contexts import context_of

API = "https://api.cloudflare.com/client/v4"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_a_proxy_is_for_hosts_elsewhere_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_for(API) == ""
    monkeypatch.setenv("HTTPS_PROXY", "http://ada:secret@proxy.example:3128")
    assert proxy_for(API) == "proxy.example:3128"
    assert proxy_for("https://127.0.0.1:8787/") == ""
    assert proxy_for("https://worker.localhost:8788/") == ""
    monkeypatch.setenv("NO_PROXY", "api.cloudflare.com")
    assert proxy_for(API) == ""
    assert proxy_for("https://service.example.com/") == "proxy.example:3128"


@pytest.mark.parametrize("proxy", ["http://proxy.example:abc", "http://[proxy", "proxy:99999999"])
def test_a_proxy_that_is_none_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(UsageError, match="HTTPS_PROXY is no address of a proxy"):
        proxy_for(API)
    outcome = looked(tmp_path)["proxy"]
    assert (outcome.result, "HTTPS_PROXY" in outcome.found) == ("fail", True)
    assert proxy not in outcome.found + outcome.advice


def test_a_proxy_may_do_without_a_scheme_or_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert proxy_for(API) == "proxy.example:3128"
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    assert proxy_for(API) == "proxy.example"
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("ALL_PROXY", "http://every.example:1080")
    assert proxy_for(API) == "every.example:1080"


def looked(folder: Path, **environment: str) -> dict[str, Outcome]:
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    context = context_of(folder, "dev", environment=environment)
    return {outcome.check: outcome for outcome in look_at_network(context)}


def test_doctor_shows_which_are_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = looked(tmp_path)
    assert found["proxy"].found == f"none for {API}"
    assert found["certificates"].found == "the well-known authorities"
    monkeypatch.setenv("HTTPS_PROXY", "http://ada:secret@proxy.example:3128")
    assert looked(tmp_path)["proxy"].found == f"proxy.example:3128 for {API}"
    assert looked(tmp_path, SSL_CERT_DIR=str(tmp_path))["certificates"].result == "ok"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_none_are_a_failure(tmp_path: Path, name: str) -> None:
    wrong = tmp_path / "ca.pem"
    for text in (None, "no certificate"):
        if text is not None:
            wrong.write_text(text)
        outcome = looked(tmp_path, **{name: str(wrong)})["certificates"]
        assert outcome.result == "fail"
        assert str(wrong) in outcome.found


def test_a_stack_on_this_machine_needs_neither(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text(
        "config:\n  cloudflare:baseUrl: http://127.0.0.1:8787/client/v4\n"
    )
    [outcome] = look_at_network(context_of(tmp_path, environment={"SSL_CERT_FILE": "/nowhere"}))
    assert outcome.result == "ok"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_that_no_client_can_use_is_told_before_anything_is_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv(name, "socks5://ada:secret@proxy.example:1080")
    with pytest.raises(UsageError, match=f"^{name} is no address") as refused:
        ServiceClient("https://service.example.com")
    assert "secret" not in str(refused.value)
    ServiceClient("http://127.0.0.1:8787")  # By no proxy: whatever the variable holds.
    (tmp_path / "Pulumi.dev.yaml").write_text(
        f"config:\n  notification-system:accountId: {'a' * 32}\n"
    )
    environment = {"CLOUDFLARE_API_TOKEN": "t" * 40, "GITHUB_REPOSITORY": "ada/notify"}
    context = context_of(tmp_path, "dev", environment=environment)
    for client in (StackAccount, Repository):
        with pytest.raises(UsageError, match=f"^{name} is no address"):
            client.of(context)


def account(url: str, *, is_local: bool) -> StackAccount:
    return StackAccount("dev", "a" * 32, url, is_local, "t" * 40)


CALLS: dict[str, Callable[[str, bool], object]] = {
    "account": lambda url, is_local: account(url, is_local=is_local).client,
    "token": lambda url, is_local: TokenApi(url, "t", is_local=is_local),
    "transfer": lambda url, is_local: D1Transfer(account(url, is_local=is_local), "d")._client(),
    "GitHub": lambda url, is_local: Repository(
        url=url, name="a/b", token="t", is_local=is_local
    ).call("GET", "/"),
    "service": lambda url, _: ServiceClient(url, "k"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("url", "is_local"), [("http://127.0.0.1:9", True), ("https://api.example", False)]
)
def test_the_environments_proxy_is_asked_about_the_network_and_not_about_this_machine(
    monkeypatch: pytest.MonkeyPatch, call: str, url: str, is_local: bool
) -> None:
    asked: list[bool] = []

    def made(_: object, *, trust_env: bool = True, **__: object) -> None:
        asked.append(trust_env)
        raise httpx.ConnectError("not in this test")

    monkeypatch.setattr(httpx.Client, "__init__", made)
    with pytest.raises((httpx.ConnectError, OperationError)):
        CALLS[call](url, is_local)
    assert asked == [not is_local]
