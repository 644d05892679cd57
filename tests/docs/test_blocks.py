"""Every block of the documents is run, parsed or drawn by a test, and this table says by which."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from infra.settings.address import AddressSettings
from infra.settings.traffic import TrafficSettings
from notification_sdk.testing import FakeNotificationService
from ops.deploy.preflight.confirmations import Confirmations
from tests.docs.document import ROOT, Document, Fence, documents
from tests.integration.test_api_document import read_examples

COMMANDS = "tests/docs/test_commands_in_docs.py"
API = "tests/integration/test_api_document.py"
CHANNEL = "tests/worker/channels/test_channel_document.py"
ACCOUNT = "tests/closed_network/test_account_blocks.py"
HERE = "tests/docs/test_blocks.py"
EVERYWHERE = {
    "console local": COMMANDS,
    "console local long": COMMANDS,
    "console account": ACCOUNT,
    "console make": COMMANDS,
    "mermaid": "tests/docs/test_site.py",
}
ONE_PAGE = {
    ("docs/api.md", "http"): API,
    ("docs/api.md", "json"): API,
    ("docs/api.md", "python"): API,
    ("docs/api.md", "sh"): API,
    ("docs/api.md", "yaml"): API,
    ("docs/channels.md", "json"): "tests/worker/channels/test_registry.py",
    ("docs/channels.md", "python"): CHANNEL,
    ("docs/channels.md", "sh"): "tests/integration/conformance/test_channels_page.py",
    ("docs/checks.md", "yaml"): HERE,
    ("docs/contributing.md", "python"): "tests/docs/test_contributing.py",
    ("docs/contributing.md", "markdown"): "tests/docs/test_adding_a_resource.py",
    ("docs/cost.md", "text"): "tests/ops/observe/cost/test_cost.py",
    ("docs/local-cloud.md", "python"): "tests/localcloud/test_another_program.py",
    ("docs/local-cloud.md", "sh"): "tests/localcloud/test_wrangler.py",
    ("docs/rollback.md", "yaml"): HERE,
    ("docs/runbook.md", "sh"): "tests/ops/database/test_age_program.py",
    ("docs/sdk.md", "python"): "tests/docs/test_sdk_page.py",
    ("docs/sdk.md", "sh"): "tests/sdk/test_apprise_plugin.py",
    ("docs/sdk.md", "text"): "tests/docs/test_sdk_page.py",
    ("docs/stacks.md", "yaml"): HERE,
    ("sdk/README.md", "python"): HERE,
}
NOT_RUN = {
    "TIMESTAMP \\n METHOD": "a formula; the requests of the same page sign by it",
    "pip install ./sdk": "tests/sdk builds and installs the wheel",
    'PATH="$(scripts/install-pulumi)': "a part of .ci/run",
}


def blocks() -> list[Fence]:
    """Every fence of the READMEs and of docs/."""
    read = [*documents(), Document(ROOT / "sdk" / "README.md")]
    return [fence for document in read for fence in document.fences]


def _ours(name: str) -> str:
    """The Chinese README's blocks are the English one's, which a test of its own holds."""
    return name.replace(".zh-CN", "")


def test_every_block_has_its_test() -> None:
    homeless = []
    for fence in blocks():
        test = EVERYWHERE.get(fence.info) or ONE_PAGE.get((_ours(fence.document), fence.info))
        excused = any(fence.text.startswith(start) for start in NOT_RUN)
        if test is None and not excused:
            homeless.append(f"{fence} {fence.info}")
    assert homeless == []


def test_the_table_names_tests_that_read_the_page_and_nothing_more() -> None:
    for (page, _), test in ONE_PAGE.items():
        text = (ROOT / test).read_text(encoding="utf-8")
        reads = Path(page).name in text or f"{Path(page).stem}.page import" in text
        assert reads, f"{test} doesn't read {page}"
    assert all((ROOT / test).is_file() for test in EVERYWHERE.values())
    found = {(_ours(fence.document), fence.info) for fence in blocks()}
    assert ONE_PAGE.keys() <= found
    texts = [fence.text for fence in blocks()]
    assert all(any(text.startswith(start) for text in texts) for start in NOT_RUN)


def test_every_request_of_the_api_page_is_run() -> None:
    page = ROOT / "docs" / "api.md"
    written = Counter(fence.info for fence in Document(page).fences)
    assert len(read_examples(page, {"sink": "http://sink.example"})) == written["http"]


def _only(page: str, info: str) -> str:
    [fence] = [one for one in Document(ROOT / page).fences if one.info == info]
    return fence.text


def test_the_checklist_of_the_page_gives_every_confirmation(tmp_path: Path) -> None:
    file = tmp_path / "deployment-checklist.yaml"
    file.write_text(_only("docs/checks.md", "yaml"))
    commit = yaml.safe_load(file.read_text())["commit"] + "0" * 28
    outcome = Confirmations([], file=file, root=tmp_path, commit=commit).look()
    assert outcome.result == "ok"


def test_the_settings_of_the_pages_are_settings() -> None:
    def values(page: str, **placeholders: str) -> dict[str, Any]:
        text = _only(page, "yaml")
        for written, value in placeholders.items():
            text = text.replace(f"<SHA-256 of {written.replace('_', ' ')}>", value)
        return {k.partition(":")[2]: v for k, v in yaml.safe_load(text).items()}

    pin = values("docs/rollback.md", the_bad_bundle="a" * 64, its_console="b" * 64)["pin"]
    [field] = [name for name in TrafficSettings.model_fields if name == "pin"]
    assert TrafficSettings.model_validate({field: pin}).pin is not None
    taken = values("docs/stacks.md")["takeOver"]
    assert AddressSettings.model_validate({"take_over": taken}).take_over


def test_the_clients_readme_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service = FakeNotificationService("key")
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda _, r: service.handle(r))
    code = compile(_only("sdk/README.md", "python"), "sdk/README.md", "exec")
    exec(code, {"KEY": "key"})  # noqa: S102 the document's own example
    assert capsys.readouterr().out == "sent\n"
