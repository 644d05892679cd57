"""The requests in docs/api.md, run in their order against the deployed service."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.installation import ROOT, Installation

pytestmark = pytest.mark.workerd

EXAMPLE = re.compile(r"```http\n(?P<request>.*?)```\n+```json\n(?P<answer>.*?)```", re.DOTALL)
DOCUMENT = ROOT / "docs" / "api.md"


@dataclass(frozen=True)
class Example:
    """One request of the document, and the parts of its answer that the document promises."""

    method: str
    target: str
    headers: dict[str, str]
    body: dict[str, Any] | None
    answer: dict[str, Any]


def read_examples(document: Path, values: Mapping[str, str]) -> list[Example]:
    text = document.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    examples = []
    for match in EXAMPLE.finditer(text):
        head, _, rest = match["request"].partition("\n\n")
        first, *fields = head.strip().splitlines()
        method, target = first.split(" ", 1)
        headers = dict(field.split(": ", 1) for field in fields)
        body = json.loads(rest) if rest.strip() else None
        examples.append(Example(method, target, headers, body, json.loads(match["answer"])))
    return examples


def test_the_python_example_signs_as_the_service_expects(installation: Installation) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    sink = f"{installation.sink_url}/hook/python-example"
    assert installation.ctl("users", "set", "ada", "-c", "webhook", "--url", sink).returncode == 0
    key = installation.ctl("outputs", "api_secret_key", "--show-secrets").stdout.strip()
    done = subprocess.run(
        [sys.executable, "-I", "-c", example],
        env={
            "API_SECRET_KEY": key,
            "SERVICE_URL": installation.ctl("outputs", "service_url").stdout.strip(),
            "no_proxy": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["success"] is True
    assert len(installation.arrivals("/hook/python-example")) == 1


def answered(installation: Installation, example: Example) -> Any:
    """The answer to an example: signed, unless it brings a credential of its own."""
    if not example.headers:
        with installation.service() as service:
            return service.call(example.method, example.target, body=example.body).json()
    url = installation.outputs()["service_url"] + example.target
    with httpx.Client(trust_env=False, timeout=60) as caller:
        answer = caller.request(example.method, url, headers=example.headers, json=example.body)
    return answer.json()


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
    outputs = installation.outputs()
    grafana = f"{outputs['grafana_webhook_username']}:{outputs['grafana_webhook_password']}"
    values = {
        "sink": f"{installation.sink_url}/hook/docs",
        "basic": base64.b64encode(grafana.encode()).decode(),
        **{name: outputs[name] for name in ("bridge_token", "metrics_token", "admin_api_key")},
    }
    examples = read_examples(DOCUMENT, values)
    assert len(examples) >= 16
    for example in examples:
        answer = answered(installation, example)
        assert promised(example.answer, answer), (example.target, answer)

    arrivals = installation.arrivals("/hook/docs")
    arrival, at_once, from_template, alert, down, bridged, batched = arrivals
    assert json.loads(at_once["body"])["content"] == "Good morning"
    assert json.loads(batched["body"])["content"] == "We are closed on Monday"
    assert json.loads(down["body"])["subject"] == "🚨 ALERT: InstanceDown"
    assert json.loads(alert["body"])["subject"] == "🚨 ALERT: Alert"
    assert json.loads(bridged["body"])["subject"] == "Disk"
    assert json.loads(from_template["body"])["content"] == "0: lamp has shipped"
    assert json.loads(arrival["body"])["content"] == "Order 1 has shipped"
    headers = {name.lower(): value for name, value in dict(arrival["headers"]).items()}
    assert headers["x-notification-signature"].startswith("sha256=")


def test_the_step_of_a_workflow_tells_the_team_once(installation: Installation) -> None:
    [block] = re.findall(r"```yaml\n(- name: Tell.*?)```", DOCUMENT.read_text(), re.DOTALL)
    [step] = yaml.safe_load(block)
    outputs = installation.outputs()
    user = "team-of-the-document"
    with installation.service() as service:
        config = {"webhook_url": f"{installation.sink_url}/hook/{user}"}
        body = {"user_id": user, "channel_type": "webhook", "config_data": config}
        service.result("POST", "/api/user-configs", body=body)
    environment = {
        "PATH": os.environ["PATH"],
        "BRIDGE": f"{outputs['service_url']}/web_hook/bridge/{user}/webhook",
        "BRIDGE_TOKEN": outputs["bridge_token"],
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "7",
        "GITHUB_RUN_ATTEMPT": "1",
    }
    assert {"BRIDGE", "BRIDGE_TOKEN"} == step["env"].keys()
    for _ in range(2):
        command = ["bash", "-e", "-c", step["run"]]
        subprocess.run(command, env=environment, check=True, timeout=60)
    [arrival] = installation.arrivals(f"/hook/{user}")
    told = json.loads(arrival["body"])
    assert told["subject"] == "acme/shop failed"
    assert told["content"] == "https://github.com/acme/shop/actions/runs/7"
