"""The TypeScript SDK as judge: what its client makes of each answer has the type that it declares.

The answers are those of the Python client's calls. Its own runtime unwraps them, so that pages,
results and bare envelopes are judged as a program gets them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localcloud.running_cloud import RunningCloud
from tests.localcloud.sdk_judge import Judge, Recorded, play
from tests.localcloud.type_judge import run_script, type_errors, without

pytestmark = pytest.mark.judge

HEAD = """
import type Cloudflare from "cloudflare";
type Items<P> = P extends { getPaginatedItems(): infer Found } ? Found : P;
type Answer<Method> = Method extends (...given: never[]) => infer Answered
  ? Items<Awaited<Answered>>
  : never;
"""
CONSUMER = {
    "queue_id": "the Pulumi provider reads it",
    "script": "wrangler finds its consumer by it",
}
DOMAIN = {"enabled": "the Pulumi provider reads it"}
DELETED = {"result": "a deletion's type is the envelope without its result, which is null"}
VERSION = {"main_script_base64": "the Pulumi provider reads it"}
SCRIPT_VERSION = {"annotations": "wrangler shows message and tag of each version"}
ZONE = {
    "owner.email": "an account's zone has null for the person, and the Pulumi provider reads it",
    "owner.id": "the same",
    "tenant.id": "null for an account without a reseller",
    "tenant.name": "the same",
    "tenant_unit.id": "the same",
}

# Method → field → why Cloudflare says what its types don't know.
EXPLAINED: dict[str, dict[str, str]] = {
    "d1.database.query": {"served_by": "D1 says which of its servers answered"},
    "d1.database.raw": {"served_by": "the same"},
    "queues.consumers.create": CONSUMER,
    "queues.consumers.delete": DELETED,
    "queues.consumers.get": CONSUMER,
    "queues.consumers.list": CONSUMER,
    "queues.consumers.update": CONSUMER,
    "queues.delete": DELETED,
    "queues.list": CONSUMER,
    "workers.beta.workers.delete": DELETED,
    "workers.beta.workers.versions.create": VERSION,
    "workers.beta.workers.versions.get": VERSION,
    "workers.beta.workers.versions.list": VERSION,
    "workers.domains.delete": DELETED,
    "workers.domains.get": DOMAIN,
    "workers.domains.list": DOMAIN,
    "workers.domains.update": DOMAIN,
    "workers.scripts.tail.delete": DELETED,
    "workers.scripts.update": {"deployment_id": "wrangler prints it as the version's id"},
    "workers.scripts.versions.create": SCRIPT_VERSION,
    "workers.scripts.versions.get": SCRIPT_VERSION,
    "workers.scripts.versions.list": SCRIPT_VERSION,
    "zones.get": ZONE,
    "zones.list": ZONE,
}
# Documented as the list of a Worker's tails, and typed as one of them.
LISTS_OF_ONE = {"workers.scripts.tail.get"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Recorded]]:
    """What was answered to every call that the local cloud has a route for."""
    with RunningCloud(tmp_path_factory.mktemp("recorded") / "home") as cloud:
        judge = Judge(cloud)
        play(judge)
        yield judge.recorded


def camel_case(method: str) -> str:
    """The TypeScript client's name of a method of the Python one."""
    return re.sub(r"_(\w)", lambda part: part[1].upper(), method.removesuffix("_"))


def test_every_answer_has_the_type_of_the_typescript_client(
    recorded: list[Recorded], tmp_path: Path
) -> None:
    methods = [answer.method for answer in recorded]
    answers = [{"method": camel_case(one.method), "document": one.document} for one in recorded]
    (tmp_path / "client").mkdir()
    (tmp_path / "types").mkdir()
    found = map(json.loads, run_script("cloudflare.mjs", answers, tmp_path / "client"))
    judged: list[tuple[str, str]] = []
    for number, (method, value) in enumerate(zip(methods, found, strict=True)):
        explained = set(EXPLAINED.get(method, ()))
        given = value[0] if method in LISTS_OF_ONE else value
        # All that is explained left out, and then one at a time put back.
        for name in ("", *sorted(explained)):
            path = "][".join(json.dumps(part) for part in camel_case(method).split("."))
            literal = json.dumps(without(given, explained - {name}))
            place = f"a{number}_{name.replace('.', '_')}"
            constant = f"export const {place}: Answer<Cloudflare[{path}]> = {literal};"
            judged.append((f"{method} {name}".strip(), constant))
    errors = type_errors(tmp_path / "types", HEAD, [constant for _, constant in judged])
    wrong = {judged[place][0]: error for place, error in errors.items()}
    stale = {f"{method} {name}" for method, fields in EXPLAINED.items() for name in fields}
    assert {name: error for name, error in wrong.items() if name not in stale} == {}
    assert sorted(stale - set(wrong)) == [], "no longer there: take it out of the list"
