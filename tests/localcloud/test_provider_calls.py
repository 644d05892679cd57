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

# Cloudflare refuses to delete what a live version is bound to; the stub didn't know that.
ENFORCED = {
    "/storage/kv/namespaces/5d022fd2a9b8463ca1f35271ca74153b": (400, 10052),
    "/queues/c1f9b427382c4ae7a8e708c478831281": (400, 11005),
}

TIMES = {"created_on", "modified_on", "updated_on", "created_at", "deployed_on", "issued_on"}
MEASURED = {"startup_time_ms", "author_email", "number", "cert_id"}
# The stub gave these away, or had them wrong; nothing of the provider's state depends on them.
SECRET = {"jwt", "value"}
# The stub always answered these empty; Cloudflare lists who uses the resource.
FILLED_IN = {
    "producers",
    "producers_total_count",
    "consumers",
    "consumers_total_count",
    "references",
}
# The stub left these out; Cloudflare says them.
EXTRA = {"environment", "last_used_on", "urls"}
IDS = {"id", "uuid", "queue_id", "consumer_id", "jwt"}
# The zone of the recording, and ours.
ZONE = ("example.com", "z" * 32)
BOUNDARY = re.compile(r"^--([0-9a-f]+)\r\n")


@dataclass(frozen=True)
class Call:
    """One line of the recording."""

    phase: str
    method: str
    path: str
    body: Any
    status: int
    answer: Any
    content_type: str = "application/json"


class Replay:
    """Sends recorded calls with the ids that the control plane gave out."""

    _session = ""
    _nothing_to_upload = False

    def __init__(self, cloud: RunningCloud) -> None:
        self._cloud = cloud
        account = cloud.endpoints.account_id
        self._ids: dict[str, str] = {"{account}": account, "a" * 32: account}
        zone = cloud.local("POST", "/zones", json={"name": ZONE[0]})
        self._ids[ZONE[1]] = zone["id"]

    def send(self, call: Call) -> tuple[int, Any]:
        """The status and the JSON that came back."""
        content = call.body
        if content is not None and not isinstance(content, str):
            content = json.dumps(content)
        if content is not None:
            content = self._translated(content)
        url = self._cloud.root_url + self._translated(call.path)
        headers = {"Content-Type": call.content_type}
        if found := BOUNDARY.match(str(call.body)):
            # The provider's upload carries the token of its session, not that of the account.
            headers["Content-Type"] += f"; boundary={found[1]}"
            headers["Authorization"] = f"Bearer {self._session}"
        response = self._cloud.http.request(call.method, url, content=content, headers=headers)
        return response.status_code, response.json()

    def check(self, call: Call) -> None:
        """Send the call; status and answer must be the recorded ones."""
        status, answer = self.send(call)
        if call.path.endswith("/assets/upload?base64=true") and self._nothing_to_upload:
            # The provider sends no file that isn't asked for; the stub asked for all of them.
            assert status == 401, answer
            return
        assert status == call.status, f"{call.method} {call.path}: {answer}"
        self._learn(call.answer["result"], answer["result"])
        if isinstance(answer["result"], list):
            answer["result_info"] = call.answer.get("result_info")
        expected = json.loads(self._translated(json.dumps(call.answer)))
        assert_alike(expected, answer, f"{call.phase}: {call.method} {call.path}")

    def _translated(self, text: str) -> str:
        for recorded, given in self._ids.items():
            text = text.replace(recorded, given)
        return text

    def _learn(self, recorded: Any, given: Any) -> None:
        if isinstance(recorded, list):
            # The stub's permission groups had ids of its own making.
            named = {item["name"]: item["id"] for item in given}
            self._ids.update({item["id"]: named[item["name"]] for item in recorded})
            order = [item["name"] for item in recorded]
            given[:] = sorted(
                (item for item in given if item["name"] in order),
                key=lambda item: order.index(item["name"]),
            )
            return
        if not isinstance(recorded, dict):
            return
        if "buckets" in recorded:
            self._session = given["jwt"]
            self._nothing_to_upload = given["buckets"] == []
            given["buckets"] = given["buckets"] or recorded["buckets"]
        for name in IDS & set(recorded):
            assert re.fullmatch(shape_of(recorded[name]), given[name]), name
            if name == "jwt":
                self._ids[recorded[name]] = given[name]
            self._ids.setdefault(recorded[name], given[name])


def shape_of(identifier: str) -> str:
    """The pattern of an id: a UUID with dashes, or 32 hexadecimal digits."""
    if identifier.startswith("jwt-"):
        return r"[\w-]+\.[\w-]+\.[\w-]+"
    if "-" in identifier:
        return r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return r"[0-9a-f]{32}"


def assert_alike(expected: Any, given: Any, where: str) -> None:
    """The same keys and values; times by format, measured values by type."""
    if isinstance(expected, dict):
        assert isinstance(given, dict), where
        strange = (set(expected) ^ set(given)) - SECRET - EXTRA
        assert not strange, f"{where}: {strange}"
        for name, value in expected.items():
            if name in SECRET and name not in given:
                continue
            place = f"{where} → {name}"
            if name in TIMES:
                assert is_time(given[name]), place
            elif name == "policies":
                assert_policies_alike(value, given[name], place)
            elif name in MEASURED | FILLED_IN | SECRET:
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


def assert_policies_alike(expected: Any, given: Any, where: str) -> None:
    """Cloudflare gives policies ids of their own and names the groups."""
    plain = [
        {
            "effect": policy["effect"],
            "permission_groups": [{"id": group["id"]} for group in policy["permission_groups"]],
            "resources": policy["resources"],
        }
        for policy in given
    ]
    assert expected == plain, where


def is_time(value: Any) -> bool:
    """Whether it is a time as Cloudflare writes it; null for what hasn't happened yet."""
    return value is None or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value))


def recorded_calls() -> list[Call]:
    """The whole recording in order."""
    calls = []
    for line in RECORDING.read_text("utf-8").splitlines():
        document = json.loads(line)
        fields = ("phase", "method", "path", "body", "status", "answer", "content_type")
        calls.append(Call(*(document[name] for name in fields)))
    return calls


def test_the_control_plane_answers_the_providers_calls_as_recorded(cloud: RunningCloud) -> None:
    replay = Replay(cloud)
    checked: Counter[str] = Counter()
    for call in recorded_calls():
        if refused := _refusal(call):
            status, answer = replay.send(call)
            assert (status, answer["errors"][0]["code"]) == refused, call.path
            checked["refused"] += 1
            continue
        replay.check(call)
        checked[call.phase] += 1
    # What was refused while the Worker was there goes now that it is gone.
    for call in recorded_calls():
        if _refusal(call):
            checked["afterwards"] += replay.send(call)[0] == 200
    assert checked == {
        "create": 15,
        "second-up": 1,
        "refresh": 11,
        "change": 8,
        "destroy": 6,
        "refused": 2,
        "afterwards": 2,
    }
    assert checked.total() - checked["afterwards"] == len(recorded_calls())
    assert set(cloud.local("GET", "/state").values()) == {0}


def _refusal(call: Call) -> tuple[int, int] | None:
    if call.phase != "destroy":
        return None
    for path, refusal in ENFORCED.items():
        if call.path.endswith(path):
            return refusal
    return None
