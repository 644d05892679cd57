"""The official SDK as judge: every answer parses strictly into its models, with nothing unknown.

The calls go through Cloudflare's own client with strict validation, one after the other: they make
what later ones need. Then each field that a model doesn't know is looked for; those that are there
for a reason are named in UNKNOWN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from tests.localcloud.running_cloud import RunningCloud
from tests.localcloud.sdk_judge import Judge, play
from tests.localcloud.sdk_methods import sdk_methods

pytestmark = pytest.mark.judge

# Model and field → why Cloudflare says what its SDK doesn't know.
UNKNOWN: dict[tuple[str, str], str] = {
    ("Meta", "served_by"): "D1 says which of its servers answered; Workers see it as well",
    ("MqWorkerConsumerResponse", "queue_id"): "the Pulumi provider reads it",
    ("MqWorkerConsumerResponse", "script"): "wrangler finds its consumer by it",
    ("ScriptUpdateResponse", "deployment_id"): "wrangler prints it as the version's id",
    ("Owner", "email"): "the Pulumi provider reads it, null for an account's zone",
    ("DomainGetResponse", "enabled"): "the Pulumi provider reads it",
    ("DomainListResponse", "enabled"): "the same",
    ("DomainUpdateResponse", "enabled"): "the same",
    **{
        (model, "result"): "a deletion's model is the envelope without its result, which is null"
        for model in (
            "ConsumerDeleteResponse",
            "DomainDeleteResponse",
            "QueueDeleteResponse",
            "TailDeleteResponse",
            "WorkerDeleteResponse",
        )
    },
    ("Version", "main_script_base64"): "the Pulumi provider reads it: see provider-calls.jsonl",
    ("VersionListResponse", "annotations"): "wrangler shows message and tag of each version",
}


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """A client that has made all calls; each answer was parsed strictly."""
    with RunningCloud(tmp_path_factory.mktemp("judge") / "home") as cloud:
        found = Judge(cloud)
        play(found)
        yield found


def test_no_answer_has_a_field_that_its_model_does_not_know(judge: Judge) -> None:
    strange: set[tuple[str, str]] = set()
    for answer in judge.answers.values():
        _collect(answer, strange)
    assert sorted(strange - set(UNKNOWN)) == []
    assert sorted(set(UNKNOWN) - strange) == [], "no longer there: take it out of the list"


def test_every_route_that_the_sdk_has_a_method_for_was_judged(judge: Judge) -> None:
    missing = []
    for method in sdk_methods():
        if method.name in judge.answers:
            continue
        path = re.sub(r"\{(\w+)\}", lambda part: str(judge.ids.get(part[1], "f" * 32)), method.path)
        answer = judge.cloud.http.request(method.http, path)
        code = answer.json()["errors"][0]["code"] if answer.status_code >= 400 else 0
        if code not in {7003, 10405}:
            missing.append((method.name, method.http, method.path, code))
    assert missing == []


def _collect(value: Any, strange: set[tuple[str, str]]) -> None:
    if isinstance(value, list | tuple):
        for item in value:
            _collect(item, strange)
    elif isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            strange.add((type(value).__name__, name))
        for name in type(value).model_fields:
            _collect(getattr(value, name), strange)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, strange)
