"""The stand-ins send what the real provider was recorded to send."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.property_value import UNKNOWN, Secret, unwrap
from engine.provider import Known, Target
from engine.providers.cloudflare_table import CLOUDFLARE_TYPES
from engine.providers.planned_change import changed_paths
from engine.providers.stand_in_provider import StandInProvider

ACCOUNT = "a" * 32
_RECORDING = Path(__file__).parents[1] / "localcloud" / "provider-calls.jsonl"
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27}")

INPUTS: dict[str, dict[str, Any]] = {
    "AccountToken": {
        "name": "ci",
        "policies": [
            {
                "effect": "allow",
                "permissionGroups": [{"id": "6c66355fe9ef85ba9f46af63529a7bdb"}],
                "resources": json.dumps(
                    {f"com.cloudflare.api.account.{ACCOUNT}": "*"}, separators=(",", ":")
                ),
            }
        ],
    },
    "WorkersCustomDomain": {
        "hostname": "notification.example.com",
        "service": "notification-system-dev",
        "zoneId": "z" * 32,
    },
    "D1Database": {"name": "notification-system-dev", "readReplication": {"mode": "disabled"}},
    "WorkersKvNamespace": {"title": "CONFIG_CACHE-preview"},
    "Queue": {"queueName": "retry-queue-dev"},
    "Worker": {
        "name": "notification-system-dev",
        "observability": {"enabled": True},
        "subdomain": {"enabled": True, "previewsEnabled": True},
    },
    "WorkersDeployment": {
        "scriptName": "notification-system-dev",
        "strategy": "percentage",
        "versions": [{"percentage": 100, "versionId": "afbe72d9-f670-476f-a4a8-972aaf89044e"}],
    },
    "WorkersCronTrigger": {
        "scriptName": "notification-system-dev",
        "schedules": [{"cron": "*/5 * * * *"}],
    },
    "QueueConsumer": {
        "queueId": "b" * 32,
        "type": "worker",
        "scriptName": "notification-system-dev",
        "deadLetterQueue": "failed-queue-dev",
        "settings": {"batchSize": 10, "maxRetries": 3, "maxWaitTimeMs": 5000, "retryDelay": 10},
    },
}


class Recorded:
    """Answers as the recording does and keeps what it was asked."""

    def __init__(self) -> None:
        lines = _RECORDING.read_text().splitlines()
        self._calls = [json.loads(line) for line in lines]
        self.asked: tuple[str, str, Any] = ("", "", None)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        self.asked = (method, path, body)
        return self._find(method, path)["answer"]["result"]

    def call_if_there(self, method: str, path: str) -> Any:
        return self.call(method, path)

    def pages(self, path: str, items: str = "") -> Any:
        return []

    def close(self) -> None:
        """Nothing is open."""

    def expected(self) -> Any:
        return self._find(*self.asked[:2])["body"]

    def _find(self, method: str, path: str) -> Any:
        wanted = _ID.sub("ID", path.replace(ACCOUNT, "{account}"))
        for call in self._calls:
            recorded = _ID.sub("ID", call["path"].removeprefix("/client/v4"))
            if (call["method"], recorded) == (method, wanted):
                return call
        raise AssertionError(f"the real provider was never seen to send {method} {wanted}")


def provider() -> tuple[StandInProvider, Recorded]:
    api = Recorded()
    return StandInProvider(CLOUDFLARE_TYPES, api, package="cloudflare"), api


def target(name: str, id_: str = "") -> Target:
    token = next(token for token in CLOUDFLARE_TYPES if token.endswith(f":{name}"))
    return Target(f"urn:pulumi:dev::probe::{token}::x", token, "x", id_)


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_a_create_is_the_real_providers(name: str) -> None:
    stand_in, api = provider()
    inputs = {"accountId": ACCOUNT, **INPUTS[name]}
    id_, outputs = stand_in.create(target(name), inputs, preview=False)
    assert api.asked[2] == api.expected()
    assert id_
    version = 501 if name == "AccountToken" else 500
    assert outputs["__meta"] == f'{{"schema_version":"{version}"}}'
    found = stand_in.diff(target(name, id_), Known(inputs, unwrap(outputs)), inputs, ())
    assert found.changed is False
    live = stand_in.read(target(name, id_), Known(inputs, unwrap(outputs)))
    assert live is not None
    assert unwrap(live.outputs) == unwrap(outputs)


def version_inputs(texts: list[str]) -> dict[str, Any]:
    bindings = [{"name": f"B{n}", "type": "plain_text", "text": t} for n, t in enumerate(texts)]
    return {
        "accountId": ACCOUNT,
        "workerId": "b" * 32,
        "mainModule": "entry.py",
        "modules": [{"name": "entry.py", "contentType": "text/x-python", "contentBase64": "eD0x"}],
        "bindings": bindings,
    }


def test_a_versions_texts_are_sensitive_and_any_change_replaces_it() -> None:
    stand_in, _ = provider()
    inputs = version_inputs(["one", "two"])
    checked = stand_in.check(target("WorkerVersion"), {}, inputs)
    assert [item["text"] for item in checked.inputs["bindings"]] == [Secret("one"), Secret("two")]
    _, outputs = stand_in.create(target("WorkerVersion"), inputs, preview=False)
    known = Known(inputs, unwrap(outputs))
    changed = stand_in.diff(target("WorkerVersion", "id"), known, version_inputs(["one", "2"]), ())
    assert changed.replaces == ("bindings",)
    reordered = {**inputs, "bindings": list(reversed(inputs["bindings"]))}
    found = stand_in.diff(target("WorkerVersion", "id"), known, reordered, ())
    assert (found.changed, found.replaces) == (True, ())


def test_a_changed_module_is_told_by_its_place_and_no_other_is(tmp_path: Path) -> None:
    def modules(**texts: str) -> list[dict[str, Any]]:
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        return [
            {"name": name, "contentType": "text/x-python", "contentFile": str(tmp_path / name)}
            for name in texts
        ]

    type_ = CLOUDFLARE_TYPES["cloudflare:index/workerVersion:WorkerVersion"]
    before = {"modules": modules(a="a", b="b", c="c"), "mainModule": "a"}
    outputs = type_.fill(before)

    def told(after: list[dict[str, Any]]) -> dict[str, str]:
        keys = ("mainModule", "modules")
        return dict(
            changed_paths(type_, keys, outputs=outputs, news={"modules": after, "mainModule": "b"})
        )

    assert told(modules(a="a", b="new", c="c")) == {"mainModule": "update", "modules[1]": "update"}
    assert told(modules(c="c", a="a", b="b")) == {"mainModule": "update"}, "a set has no order"
    assert told(modules(a="a", b="b")) == {"mainModule": "update", "modules[2]": "delete"}
    assert told(modules(a="a", b="b", c="c", d="d"))["modules[3]"] == "add"
    assert changed_paths(type_, ("mainModule",), outputs={}, news=before) == {"mainModule": "add"}
    assert changed_paths(type_, ("assets",), outputs={"assets": {}}, news={}) == {
        "assets": "delete"
    }


def test_unknown_inputs_count_as_changes() -> None:
    stand_in, _ = provider()
    inputs = version_inputs(["one"])
    _, outputs = stand_in.create(target("WorkerVersion"), inputs, preview=False)
    news = {**inputs, "bindings": UNKNOWN}
    found = stand_in.diff(target("WorkerVersion", "id"), Known(inputs, unwrap(outputs)), news, ())
    assert found.replaces == ("bindings",)


@pytest.mark.parametrize("name", ["WorkerVersion", "WorkersDeployment", "WorkersCronTrigger"])
def test_types_that_the_real_provider_never_deletes_make_no_call(name: str) -> None:
    stand_in, api = provider()
    stand_in.delete(target(name, "id"), Known({"accountId": ACCOUNT}, {}))
    assert api.asked == ("", "", None)


def test_what_is_not_served_is_refused_by_name() -> None:
    stand_in, _ = provider()
    inputs = {**version_inputs(["one"]), "containers": [{}], "colour": "red"}
    refused = dict(stand_in.check(target("WorkerVersion"), {}, inputs).failures)
    assert "install the pulumi CLI" in refused["containers"]
    assert refused["colour"] == "there is no such input"


def test_a_change_moves_what_the_service_computes_and_not_what_stays() -> None:
    stand_in, _ = provider()
    before = {"accountId": ACCOUNT, "name": "db", "readReplication": {"mode": "disabled"}}
    computed = {"uuid": "u", "createdAt": "t", "fileSize": 1, "numTables": 2, "version": "v"}
    known = Known(before, {**before, **computed})
    news = {**before, "readReplication": {"mode": "auto"}}
    subject = target("D1Database", "u")
    found = stand_in.diff(subject, known, news, ())
    moved = ("createdAt", "fileSize", "numTables", "version")
    assert (found.changed, found.keys) == (True, ("readReplication", *moved))
    assert (found.replaces, stand_in.diff(subject, known, before, ()).changed) == ((), False)
    planned = stand_in.update(subject, known, news, preview=True)
    assert planned == {**news, "uuid": "u", **dict.fromkeys(moved, UNKNOWN)}
    _, made = stand_in.create(target("D1Database"), news, preview=True)
    assert made == {**news, **dict.fromkeys((*moved, "uuid", "id"), UNKNOWN)}
