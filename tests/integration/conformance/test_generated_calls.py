"""Calls that schemathesis makes up from the document that the deployed service serves."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from ops.stacks.service import sign
from tests.integration.conformance.deployed import SECRETS, Deployed, basic
from tests.worker.openapi.conformity import check_answer, document

EXAMPLES = int(os.environ.get("NOTIFICATION_GENERATED_CALLS", "3"))
"""Calls of each operation in each mode."""
CREDENTIALS = {
    **basic(SECRETS["grafanaWebhookUsername"], SECRETS["grafanaWebhookPassword"]),
    "X-Bridge-Token": SECRETS["bridgeToken"],
    "X-API-Key": SECRETS["adminApiKey"],
}
OF_A_RECIPIENT = "/api/webhooks/standard/"
"""Where only a recipient's own secret opens, and generated recipients have none."""
FOUND = [
    result.ok()
    for result in schemathesis.openapi.from_dict(document()).get_all_operations()
    if isinstance(result, Ok)
]


def signed(service: Deployed, now_ms: int, case: Any) -> httpx.Response:
    """The call as generated, with a right signature and the credentials of other routes."""
    call = case.as_transport_kwargs(base_url="http://service")
    query = urlencode(call.get("params") or {}, doseq=True)
    target = str(case.formatted_path) + (f"?{query}" if query else "")
    request = httpx.Request(
        case.method, "http://service" + target, json=call.get("json"), content=call.get("data")
    )
    body = request.read()
    target = request.url.raw_path.decode()
    generated = {n: str(v) for n, v in dict(call["headers"]).items() if n.lower().startswith("x-")}
    headers = {n: v for n, v in generated.items() if v.isascii() and v.isprintable()}
    for name in ("content-type", "Content-Type"):
        if name in dict(call["headers"]):
            headers["Content-Type"] = str(dict(call["headers"])[name])
    key = service.installation.outputs()["api_secret_key"]
    headers |= CREDENTIALS | {
        "X-Timestamp": str(now_ms),
        "X-Signature-Version": "2",
        "X-Signature": sign(key, str(now_ms), case.method, target, body),
    }
    answer = service.anyone.request(case.method, target, content=body, headers=headers)
    check_answer(
        case.method,
        target,
        answer.status_code,
        answer.headers.get("content-type", ""),
        answer.text,
    )
    return answer


def judge(service: Deployed, operation: Any, mode: GenerationMode, examples: int) -> None:
    now_ms = int(service.installation.now() * 1000)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        answer = signed(service, now_ms, case)
        assert answer.status_code < 500 or answer.status_code == 501, answer.text
        if not operation.path.startswith(OF_A_RECIPIENT):
            assert answer.status_code != 401, answer.text

    run()


def modes(operation: Any) -> list[GenerationMode]:
    takes = operation.definition.raw.keys() & {"parameters", "requestBody"}
    return list(GenerationMode) if takes else [GenerationMode.POSITIVE]


@pytest.mark.requirement("C-2", "B-30", "B-33")
@pytest.mark.sample(20)
@pytest.mark.parametrize("operation", FOUND, ids=[operation.label for operation in FOUND])
def test_a_generated_call_is_answered_as_documented(service: Deployed, operation: Any) -> None:
    for mode in modes(operation):
        judge(service, operation, mode, EXAMPLES)


@pytest.mark.soak
@pytest.mark.parametrize("operation", FOUND, ids=[operation.label for operation in FOUND])
def test_many_generated_calls_are_answered_as_documented(service: Deployed, operation: Any) -> None:
    for mode in modes(operation):
        judge(service, operation, mode, 50)
