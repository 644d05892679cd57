"""Replays what an unmodified GitHub provider sent, phase by phase, against the local GitHub API.

The recording's answers come from a stub that satisfied the provider: what it said has to be in the
answers here, which say more.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from nacl.public import PublicKey, SealedBox

from tests.localcloud.running_cloud import RunningCloud

RECORDING = Path(__file__).with_name("provider-calls-github.jsonl")
# Names and numbers of the recording → those that exist here.
NAMES = {"/acme/notification": "/local/notification-system", "/users/acme": "/users/local"}
REVIEWERS = {12: 1002, 11: 1003}
# Identity, times and keys are made here; the stub's people, URLs and owner were made up.
OWN = {
    *("id", "node_id", "created_at", "updated_at", "key_id", "key", "url", "html_url", "login"),
    *("name", "full_name", "owner", "reviewer", "type"),
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def recorded() -> list[dict[str, Any]]:
    """The calls to GitHub; the recording ends with strays to another API."""
    calls = [json.loads(line) for line in RECORDING.read_text("utf-8").splitlines()]
    return [call for call in calls if call["path"].startswith("/api/v3")]


class Replay:
    """Sends recorded calls; what was sealed for the recording's key is sealed for the one here."""

    def __init__(self, cloud: RunningCloud) -> None:
        self._cloud = cloud
        self._key = {"key_id": "", "key": ""}

    def check(self, call: dict[str, Any]) -> None:
        """Send the call; its status and what its answer said have to be the recorded ones."""
        path = call["path"]
        for name, here in NAMES.items():
            path = path.replace(name, here)
        response = self._cloud.http.request(
            call["method"], self._cloud.root_url + path, json=self._translated(call["body"])
        )
        where = f"{call['phase']}: {call['method']} {path}"
        assert response.status_code == call["status"], f"{where}: {response.text}"
        if call["answer"] is None:
            assert response.content == b"", where
            return
        answer = response.json()
        if path.endswith("/public-key"):
            assert len(base64.b64decode(answer["key"])) == 32
            self._key = answer
        says(call["answer"], answer, where)

    def _translated(self, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        if "encrypted_value" in body:
            box = SealedBox(PublicKey(base64.b64decode(self._key["key"])))
            sealed = base64.b64encode(box.encrypt(b"value")).decode()
            return {"key_id": self._key["key_id"], "encrypted_value": sealed}
        if "reviewers" in body:
            people = [{**entry, "id": REVIEWERS[entry["id"]]} for entry in body["reviewers"]]
            return {**body, "reviewers": people}
        return body


def says(expected: Any, given: Any, where: str) -> None:
    """All that was expected is there; times by their format."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in given, f"{where} → {name}"
            if name.endswith("_at"):
                assert TIME.fullmatch(given[name]), where
            elif name in OWN:
                assert isinstance(given[name], type(value)), f"{where} → {name}"
            else:
                says(value, given[name], f"{where} → {name}")
    elif isinstance(expected, list):
        assert len(expected) == len(given), where
        for number, value in enumerate(expected):
            says(value, given[number], f"{where}[{number}]")
            kinds = value.get("type"), given[number].get("type")
            assert kinds[0] == kinds[1], where
    else:
        assert expected == given, where


def test_the_providers_calls_are_answered_as_recorded(cloud: RunningCloud) -> None:
    replay = Replay(cloud)
    checked: Counter[str] = Counter()
    for call in recorded():
        replay.check(call)
        checked[call["phase"]] += 1
    assert checked == {"create": 17, "second-up": 1, "refresh": 6, "change": 6, "destroy": 6}
    environments = f"{cloud.root_url}/api/v3/repos/local/notification-system/environments"
    assert cloud.http.get(environments).json() == {"total_count": 0, "environments": []}
