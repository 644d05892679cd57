"""Replays what an unmodified Cloudflare provider sent, phase by phase, against the control plane.

The recording's answers come from a stub that satisfied the provider. Where Cloudflare, and so the
control plane, is stricter or says more than that stub, the difference is listed here by name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.localcloud.running_cloud import RunningCloud

RECORDING = Path(__file__).with_name("provider-calls.jsonl")
PHASES = ("create", "second-up", "refresh", "change", "destroy")

# Calls of resources that the local cloud doesn't have: (method, path pattern) → why.
NOT_BUILT = {
    ("GET", r"/tokens/permission_groups$"): "account tokens come with the component `access`",
    ("POST", r"/tokens$"): "account tokens come with the component `access`",
    ("GET", r"/tokens/[0-9a-f]{32}$"): "account tokens come with the component `access`",
    ("DELETE", r"/tokens/[0-9a-f]{32}$"): "account tokens come with the component `access`",
    ("POST", r"/assets-upload-session$"): "assets come with the console",
    ("POST", r"/workers/assets/upload\?base64=true$"): "assets come with the console",
    ("PUT", r"/workers/domains$"): "custom domains come with zones",
    ("GET", r"/workers/domains/[0-9a-f]{32}$"): "custom domains come with zones",
    ("DELETE", r"/workers/domains/[0-9a-f]{32}$"): "custom domains come with zones",
}

# Cloudflare refuses to delete what a live version is bound to; the stub didn't know that.
ENFORCED = {
    "/storage/kv/namespaces/5d022fd2a9b8463ca1f35271ca74153b": (400, 10052),
    "/queues/c1f9b427382c4ae7a8e708c478831281": (400, 11005),
}

TIMES = {"created_on", "modified_on", "updated_on", "created_at", "deployed_on"}
MEASURED = {"startup_time_ms", "author_email", "number"}
# The stub always answered these empty; Cloudflare lists who uses the resource.
FILLED_IN = {
    "producers",
    "producers_total_count",
    "consumers",
    "consumers_total_count",
    "references",
}
IDS = {"id", "uuid", "queue_id", "consumer_id"}


@dataclass(frozen=True)
class Call:
    """One line of the recording."""

    phase: str
    method: str
    path: str
    body: Any
    status: int
    answer: Any

    @property
    def reason_not_built(self) -> str | None:
        """Why the call's resource isn't there, or None where it is."""
        for (method, pattern), reason in NOT_BUILT.items():
            if method == self.method and re.search(pattern, self.path):
                return reason
        return None


class Replay:
    """Sends recorded calls with the ids that the control plane gave out."""

    def __init__(self, cloud: RunningCloud) -> None:
        self._cloud = cloud
        self._ids: dict[str, str] = {"{account}": cloud.endpoints.account_id}

    def send(self, call: Call) -> tuple[int, Any]:
        """The status and the JSON that came back."""
        content = None if call.body is None else self._translated(json.dumps(call.body))
        url = self._cloud.root_url + self._translated(call.path)
        headers = {"Content-Type": "application/json"}
        response = self._cloud.http.request(call.method, url, content=content, headers=headers)
        return response.status_code, response.json()

    def check(self, call: Call) -> None:
        """Send the call; status and answer must be the recorded ones."""
        status, answer = self.send(call)
        assert status == call.status, f"{call.method} {call.path}: {answer}"
        self._learn(call.answer["result"], answer["result"])
        expected = json.loads(self._translated(json.dumps(call.answer)))
        assert_alike(expected, answer, f"{call.phase}: {call.method} {call.path}")

    def _translated(self, text: str) -> str:
        for recorded, given in self._ids.items():
            text = text.replace(recorded, given)
        return text

    def _learn(self, recorded: Any, given: Any) -> None:
        if not isinstance(recorded, dict):
            return
        for name in IDS & set(recorded):
            assert re.fullmatch(shape_of(recorded[name]), given[name]), name
            self._ids.setdefault(recorded[name], given[name])


def shape_of(identifier: str) -> str:
    """The pattern of an id: a UUID with dashes, or 32 hexadecimal digits."""
    if "-" in identifier:
        return r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return r"[0-9a-f]{32}"


def assert_alike(expected: Any, given: Any, where: str) -> None:
    """The same keys and values; times by format, measured values by type."""
    if isinstance(expected, dict):
        assert isinstance(given, dict), where
        assert set(expected) == set(given), f"{where}: {set(expected) ^ set(given)}"
        for name, value in expected.items():
            place = f"{where} → {name}"
            if name in TIMES:
                assert is_time(given[name]), place
            elif name in MEASURED | FILLED_IN:
                assert type(given[name]) is type(value), place
            else:
                assert_alike(value, given[name], place)
    elif isinstance(expected, list):
        assert isinstance(given, list), where
        assert len(expected) == len(given), where
        for number, value in enumerate(expected):
            assert_alike(value, given[number], f"{where}[{number}]")
    else:
        assert expected == given, where


def is_time(value: Any) -> bool:
    """Whether it is a time as Cloudflare writes it; null for what hasn't happened yet."""
    return value is None or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value))


def recorded_calls() -> list[Call]:
    """The whole recording in order."""
    calls = []
    for line in RECORDING.read_text("utf-8").splitlines():
        document = json.loads(line)
        fields = ("phase", "method", "path", "body", "status", "answer")
        calls.append(Call(*(document[name] for name in fields)))
    return calls


def without_assets(call: Call) -> Call:
    """An upload, or the reading of one, without its assets, which are not built."""
    if not re.search(r"/versions(/|$)", call.path):
        return call

    def stripped(document: Any) -> Any:
        if not isinstance(document, dict) or "bindings" not in document:
            return document
        kept = [binding for binding in document["bindings"] if binding["type"] != "assets"]
        rest = {name: value for name, value in document.items() if name != "assets"}
        return {**rest, "bindings": kept}

    answer = {**call.answer, "result": stripped(call.answer["result"])}
    return Call(call.phase, call.method, call.path, stripped(call.body), call.status, answer)


def test_the_control_plane_answers_the_providers_calls_as_recorded(cloud: RunningCloud) -> None:
    replay = Replay(cloud)
    checked: Counter[str] = Counter()
    for call in recorded_calls():
        if call.reason_not_built:
            continue
        if refused := _refusal(call):
            status, answer = replay.send(call)
            assert (status, answer["errors"][0]["code"]) == refused, call.path
            checked["refused"] += 1
            continue
        replay.check(without_assets(call))
        checked[call.phase] += 1
    # What was refused while the Worker was there goes now that it is gone.
    for call in recorded_calls():
        if _refusal(call):
            checked["afterwards"] += replay.send(call)[0] == 200
    assert checked == {
        "create": 10,
        "refresh": 9,
        "change": 5,
        "destroy": 4,
        "refused": 2,
        "afterwards": 2,
    }
    assert set(cloud.local("GET", "/state").values()) == {0}


def _refusal(call: Call) -> tuple[int, int] | None:
    if call.phase != "destroy":
        return None
    for path, refusal in ENFORCED.items():
        if call.path.endswith(path):
            return refusal
    return None


def test_calls_of_resources_that_are_not_built_are_listed_and_refused(cloud: RunningCloud) -> None:
    listed = [call for call in recorded_calls() if call.reason_not_built]
    replay = Replay(cloud)
    cloud.result("POST", "/workers/workers", json={"name": "notification-system-dev"})
    for call in listed:
        status, answer = replay.send(call)
        assert (status, answer["errors"][0]["code"]) in {(404, 7003), (405, 10405)}, call.path
    assert {reason for call in listed if (reason := call.reason_not_built)} == set(
        NOT_BUILT.values()
    )
    assert {call.phase for call in recorded_calls()} == set(PHASES)


def test_an_upload_with_assets_is_refused_by_name(cloud: RunningCloud) -> None:
    uploads = [call for call in recorded_calls() if call.path.endswith("/versions")]
    worker = cloud.result("POST", "/workers/workers", json={"name": "w"})
    for call in uploads:
        response = cloud.account(
            "POST", f"/workers/workers/{worker['id']}/versions", json=call.body
        )
        error = response.json()["errors"][0]
        assert (response.status_code, error["code"]) == (400, 10021)
        assert "assets" in error["message"]
    assert len(uploads) == 2
