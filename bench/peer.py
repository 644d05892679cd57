"""The peer: the same send as a plain TypeScript Worker does it, in one process with its database.

It stands for a service without the promise (`bench/peer_worker/peer.ts` says what it leaves out).
It runs on the same runtime with a database of its own in the same process, without the local
cloud's front and store: a send of ours passes three processes, one of its passes one.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from pathlib import Path
from types import TracebackType

import psutil

from bench.load import LoadResult, load
from bench.processes import Shares, seconds_of
from bench.send_load import SEND
from ops.stacks.service import sign


class Peer:
    """The running peer; use it in a ``with`` block.

    Args:
        folder: an empty folder for its database.
        endpoint: the URL that its notifications go to.
    """

    def __init__(self, folder: Path, *, endpoint: str) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self._secret = secrets.token_hex(20)

    def __enter__(self) -> Peer:
        self._folder.mkdir(parents=True)
        script = Path(__file__).parent / "peer_worker" / "serve.mjs"
        self._host = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._host.stdin is not None  # noqa: S101 both are pipes
        assert self._host.stdout is not None  # noqa: S101
        order = {
            "folder": str(self._folder),
            "secret": self._secret,
            "endpoint": self._endpoint,
        }
        self._host.stdin.write(json.dumps(order) + "\n")
        self._host.stdin.flush()
        told = self._host.stdout.readline()
        if not told:
            raise RuntimeError("the peer didn't start: its standard error says why")
        self._url = f"http://127.0.0.1:{json.loads(told)['port']}{SEND}"
        self._process = psutil.Process(json.loads(told)["pid"])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._host.communicate()  # it leaves at the end of its input
        self._host.wait(timeout=10)

    def run(
        self, *, clients: int, seconds: int | None = None, amount: int | None = None
    ) -> tuple[LoadResult, Shares]:
        """Send from ``clients`` connections, and return what it showed and its processor time."""
        text = {"subject": "Hello", "content": "It works"}
        body = json.dumps({"user_id": "bench", "channels": ["webhook"], "custom_content": text})
        timestamp = str(int(time.time() * 1000))
        headers = {
            "Content-Type": "application/json",
            "X-Timestamp": timestamp,
            "X-Signature": sign(self._secret, timestamp, "POST", SEND, body.encode()),
        }
        before = seconds_of(self._process)
        result = load(
            self._url, clients=clients, seconds=seconds, amount=amount, body=body, headers=headers
        )
        return result, {"peer": seconds_of(self._process) - before}
