"""The real host as a process of its own, driven over its control channel and its edge."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.eventually import eventually
from tests.host.recording_server import RecordingServer

MAIN = Path(__file__).parents[2] / "localcloud" / "host" / "main.mjs"
TOKEN = "token-of-the-tests"
D1_ID = "11111111-1111-4111-8111-111111111111"
KV_ID = "22222222222222222222222222222222"


@dataclass(frozen=True)
class Answer:
    """Status and parsed body of a control call."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """Code of the error in it."""
        return str(self.body["error"]["code"])

    @property
    def message(self) -> str:
        """Sentence of the error in it."""
        return str(self.body["error"]["message"])


class RunningHost:
    """A started host. Raises AssertionError where it doesn't start."""

    def __init__(self, state: Path, outside: RecordingServer, **order: object) -> None:
        self.state = state
        self.outside = outside
        self.process = subprocess.Popen(
            ["node", str(MAIN)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        document = {
            "token": TOKEN,
            "stateDir": str(state),
            "edgePort": 0,
            "brokerUrl": outside.url,
            "brokerToken": "broker-token",
            "graceMs": 200,
            **order,
        }
        self.process.stdin.write(json.dumps(document) + "\n")
        self.process.stdin.flush()
        ports = self.process.stdout.readline()
        assert ports, self._ended()
        self.edge_port = int(json.loads(ports)["edgePort"])
        self._control = httpx.Client(
            base_url=f"http://127.0.0.1:{json.loads(ports)['controlPort']}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=90,
        )
        self._edge = httpx.Client(base_url=f"http://127.0.0.1:{self.edge_port}", timeout=60)

    def _ended(self) -> str:
        code = self.process.wait(30)
        assert self.process.stderr is not None
        said = [json.loads(line) for line in self.process.stderr]
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return f"the host didn't start: exit code {code}, {said}"

    def call(self, method: str, path: str, document: object = None) -> Answer:
        """One call of the control channel."""
        response = self._control.request(method, path, json=document)
        return Answer(response.status_code, response.json() if response.content else None)

    def raw(self, method: str, path: str, content: bytes = b"") -> httpx.Response:
        """One call of the control channel whose bodies aren't JSON."""
        return self._control.request(method, path, content=content)

    def get(self, path: str, **headers: str) -> Any:
        """A request through the edge that must answer 200; its JSON."""
        response = self.edge("GET", path, headers=headers)
        assert response.status_code == 200, (response.status_code, response.text)
        return response.json()

    def edge(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request through the edge."""
        return self._edge.request(method, path, **options)

    def versions(self) -> dict[str, dict[str, Any]]:
        """The versions of /health by id."""
        return {found["id"]: found for found in self.call("GET", "/health").body["versions"]}

    def store_pid(self) -> int:
        """Process id of the store; waits for one where it is being started again."""
        return int(
            eventually(lambda: self.call("GET", "/health").body["store"]["pid"], what="the store")
        )

    def put(
        self, version: str, bundle: Path, *, validate: bool = False, **changes: object
    ) -> Answer:
        """Boot a version of the probe Worker with every kind of binding; `validate`: an upload."""
        document = {
            "script": "probe",
            "modulesDir": str(bundle),
            "mainModule": "entry.py",
            "compatibilityDate": "2026-10-01",
            "compatibilityFlags": ["python_workers"],
            "bindings": BINDINGS,
            "metadata": {"id": version, "tag": "tagged", "timestamp": "2026-11-01T00:00:00Z"},
            "assets": None,
        }
        path = f"/versions/{version}" + ("?validate" if validate else "")
        return self.call("PUT", path, {**document, **changes})

    def route(self, generation: int, **split: int) -> Answer:
        """Route everything to the probe Worker; `v_1=90` means 90 % for the version v-1."""
        versions = [{"id": id_of(name), "percentage": part} for name, part in split.items()]
        route = {"hosts": ["probe.localhost"], "script": "probe", "versions": versions}
        document = {"generation": generation, "routes": [route], "defaultScript": "probe"}
        return self.call("PUT", "/routes", document)

    def events(self) -> list[dict[str, Any]]:
        """What the host has written to its log file."""
        file = self.state / "logs" / "host.ndjson"
        text = file.read_text() if file.exists() else ""
        return [json.loads(line) for line in text.split("\n") if line]

    def kill(self) -> None:
        """SIGKILL the host alone."""
        self.process.kill()
        self.process.wait(30)

    def stop(self, number: signal.Signals | None = None) -> int:
        """Ask it to leave by a signal or by the end of its input; the exit code."""
        if number is not None:
            self.process.send_signal(number)
        else:
            assert self.process.stdin is not None
            self.process.stdin.close()
        return self.process.wait(30)

    def close(self) -> None:
        """End it, whatever state it is in, and close what was opened."""
        if self.process.poll() is None:
            watchdog = threading.Timer(25, self.process.kill)
            watchdog.start()
            self.stop()
            watchdog.cancel()
        self._control.close()
        self._edge.close()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def id_of(name: str) -> str:
    """The version's id that a keyword argument stands for."""
    return name.replace("_", "-")


def message(identifier: str, body: object) -> dict[str, object]:
    """A queue message as the broker hands it over."""
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    return {
        "id": identifier,
        "timestampMs": 1_700_000_000_000,
        "attempts": 1,
        "contentType": "json",
        "body": encoded,
    }


BINDINGS: list[dict[str, object]] = [
    {"type": "d1", "name": "DB", "id": D1_ID},
    {"type": "kv_namespace", "name": "CACHE", "namespace_id": KV_ID},
    {"type": "queue", "name": "QUEUE", "queue_name": "retries", "queue_id": "queue-id"},
    {"type": "plain_text", "name": "GREETING", "text": 'grüß "Gott"\n'},
    {"type": "secret_text", "name": "SECRET", "text": "s3cret"},
    {"type": "version_metadata", "name": "CF_VERSION_METADATA"},
    {"type": "service", "name": "CLOCK", "service": "local-clock"},
    {"type": "analytics_engine", "name": "MEASURES", "dataset": "calls"},
    {
        "type": "ratelimit",
        "name": "LIMIT",
        "namespace_id": "1001",
        "simple": {"limit": 2, "period": 60},
    },
]
