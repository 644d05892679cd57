"""The page has every code that the service can answer, and quotes what commands really print."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from notification.channels.channel import THROTTLED_CODE
from notification.delivery.notification import INTERRUPTED
from notification.delivery.settle import EXPIRED
from tests.docs.document import ROOT, Document

PAGE = Document(ROOT / "docs" / "troubleshooting.md")
WORKER = ROOT / "worker" / "src" / "notification"
COMMANDS = ROOT / "ops"
CLIENT = ROOT / "sdk" / "notification_sdk"
_CODE = re.compile(r"[A-Z0-9]+(?:_[A-Z0-9]+)+|FORBIDDEN|UNAUTHORIZED|MAINTENANCE")
_FILLED_IN = re.compile(r"\b[A-Z]{2,}\b(?!_)|'NAME'|\bNAMES?\b")
QUOTING = (
    *("Database not found", "KV namespace not found", "A queue is missing"),
    *("Secrets and settings", "Signed calls are refused"),
)


def section(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, as their cells."""
    lines = iter(PAGE.prose)
    for line in lines:
        if line == f"## {heading}":
            break
    rows = []
    for line in lines:
        if line.startswith("## "):
            break
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    assert len(rows) > 2, f"there is no table under {heading}"
    return rows[2:]


def constants(*folders: Path) -> Iterator[str]:
    """Every text in the sources, except what a channel's table or body has of its provider's."""
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            tables = nodes if path.parent == WORKER / "channels" else []
            foreign = {
                id(part)
                for table in tables
                if isinstance(table, ast.Dict)
                for part in (*table.keys, *table.values)
            }
            for node in nodes:
                text = node.value if isinstance(node, ast.Constant) else None
                if isinstance(text, str) and id(node) not in foreign:
                    yield text


def answered() -> dict[str, str]:
    """The API's codes with their statuses, as the service has them."""
    text = (WORKER / "errors.py").read_text(encoding="utf-8")
    found = dict(re.findall(r'^    "([A-Z0-9_]+)": (\d{3}),', text, re.MULTILINE))
    assert len(found) > 30
    return found


def test_every_code_of_the_api_is_there_with_its_status() -> None:
    rows = {row[0].strip("`"): row[1] for row in section("Answers of the API")}
    assert rows == answered()


def test_every_code_of_a_delivery_is_there() -> None:
    folders = (WORKER / name for name in ("channels", "delivery", "sending", "markup"))
    used = {text for text in constants(*folders) if _CODE.fullmatch(text)}
    rows = {row[0].strip("`") for row in section("Results of a notification")}
    one_word = {THROTTLED_CODE, EXPIRED, INTERRUPTED}
    of_the_body = {"UNKNOWN_FIELDS"}
    assert rows == (used | one_word | of_the_body) - answered().keys()


def test_every_code_of_health_is_there() -> None:
    text = (WORKER / "routes" / "health.py").read_text(encoding="utf-8")
    used = set(re.findall(r'"code": "([A-Z0-9_]+)"', text))
    assert {row[0].strip("`") for row in section("What health reports")} == used


def test_no_code_of_service_or_client_is_missing() -> None:
    """What looks like a code and isn't one is a binding, a setting or a secret of the Worker."""
    page = PAGE.path.read_text(encoding="utf-8")
    client = "\n".join(path.read_text(encoding="utf-8") for path in CLIENT.rglob("*.py"))
    used = {text for text in constants(WORKER) if _CODE.fullmatch(text)}
    used |= set(re.findall(r'code="([A-Z0-9_]+)"', client))
    settings = (WORKER / "settings.py").read_text(encoding="utf-8")
    bound = {*constants(ROOT / "infra"), *re.findall(r'"([A-Z0-9_]+)"', settings)} - {"MAINTENANCE"}
    assert {code for code in used - bound if f"`{code}`" not in page} == set()
    assert len(used - bound) > 60


@pytest.mark.parametrize(
    "heading", ["Answers of the API", "What health reports", "Results of a notification"]
)
def test_each_code_has_a_cause_and_a_cure(heading: str) -> None:
    for row in section(heading):
        *_, cause, cure = row
        assert len(cause) > 10, row
        assert len(cure) > 5, row


@pytest.mark.requirement("S0-55", "S0-56", "S0-57", "S0-58", "S0-59")
@pytest.mark.parametrize("heading", QUOTING)
def test_a_quoted_line_is_one_that_a_command_prints(heading: str) -> None:
    said = "\n".join(constants(COMMANDS, ROOT / "infra" / "settings"))
    for line, *_ in section(heading):
        for quoted in re.findall(r"`([^`]+)`", line):
            fragments = [part.strip(" ';,:?") for part in _FILLED_IN.split(quoted)]
            for fragment in filter(None, fragments):
                assert _printed(fragment, said), f"no command says: {fragment}"


def _printed(fragment: str, said: str) -> bool:
    """Whether the fragment is in the sources, up to the numbers and names that are filled in."""
    words = re.split(
        r"\b(?:\d+|apiSecretKey|DB|CONFIG_CACHE|RETRY_QUEUE|database|queue)\b", fragment
    )
    return all(part.strip() in said for part in words if len(part.strip()) > 3)


@pytest.mark.requirement("S0-60")
def test_the_exit_codes_are_those_of_the_commands() -> None:
    text = (COMMANDS / "stacks" / "errors.py").read_text(encoding="utf-8")
    used = set(re.findall(r"exit_code = (\d+)", text))
    assert {row[0] for row in section("Commands")} == used
