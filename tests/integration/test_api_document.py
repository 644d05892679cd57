"""The requests in docs/api.md, run in their order against the deployed service."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.installation import ROOT, Installation

pytestmark = pytest.mark.workerd

EXAMPLE = re.compile(r"```http\n(?P<request>.*?)```\n+```json\n(?P<answer>.*?)```", re.DOTALL)
DOCUMENT = ROOT / "docs" / "api.md"


@dataclass(frozen=True)
class Example:
    """One request of the document, and the parts of its answer that the document promises."""

    method: str
    target: str
    body: dict[str, Any] | None
    answer: dict[str, Any]


def read_examples(document: Path, *, sink: str) -> list[Example]:
    text = document.read_text(encoding="utf-8").replace("{{sink}}", sink)
    examples = []
    for match in EXAMPLE.finditer(text):
        first, _, rest = match["request"].partition("\n")
        method, target = first.split(" ", 1)
        body = json.loads(rest) if rest.strip() else None
        examples.append(Example(method, target, body, json.loads(match["answer"])))
    return examples


def promised(expected: Any, found: Any) -> bool:
    """Say whether ``found`` holds all that ``expected`` does; objects may hold more."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            name in found and promised(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(expected) == len(found)
            and all(promised(one, other) for one, other in zip(expected, found, strict=True))
        )
    return bool(expected == found)


def test_every_request_of_the_document_is_answered_as_it_says(installation: Installation) -> None:
    examples = read_examples(DOCUMENT, sink=f"{installation.sink_url}/hook/docs")
    assert len(examples) >= 12
    with installation.service() as service:
        for example in examples:
            answer = service.call(example.method, example.target, body=example.body).json()
            assert promised(example.answer, answer), (example.target, answer)

    arrival, from_template = installation.arrivals("/hook/docs")
    assert json.loads(from_template["body"])["content"] == "0: lamp has shipped"
    assert json.loads(arrival["body"])["content"] == "Order 1 has shipped"
    headers = {name.lower(): value for name, value in dict(arrival["headers"]).items()}
    assert headers["x-notification-signature"].startswith("sha256=")
