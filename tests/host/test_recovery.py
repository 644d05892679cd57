from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.eventually import eventually
from tests.host.conftest import Starter
from tests.host.node_module import run_in_node
from tests.host.recording_server import RecordingServer
from tests.host.running_host import D1_ID, KV_ID, MAIN, RunningHost
from tests.host.steady_load import SteadyLoad

pytestmark = pytest.mark.workerd


def gone(pid: int) -> bool:
    """A process that has ended; one that nobody has waited for yet counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_version_comes_back_while_its_requests_wait(serving: RunningHost) -> None:
    pid = int(serving.versions()["v-1"]["pid"])
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: serving.versions()["v-1"]["state"] == "booting", what="the restart")
    # Sent while the process starts again: held by the edge, never refused.
    assert serving.get("/hello") == "v-1"
    assert serving.versions()["v-1"]["pid"] != pid

    def restarts() -> list[str]:
        return [e["version"] for e in serving.events() if e["type"] == "restart"]

    assert eventually(restarts, what="the line about the restart") == ["v-1"]


def test_a_version_killed_again_while_it_restarts_still_comes_back(serving: RunningHost) -> None:
    killed: set[int] = set()

    def kill_another() -> bool:
        pid = serving.versions()["v-1"]["pid"]
        if pid is not None and pid not in killed:
            os.kill(int(pid), signal.SIGKILL)
            killed.add(int(pid))
        return len(killed) >= 3

    eventually(kill_another, what="three kills, two of them of a process that was starting")
    # The edge holds a request for a while; a busy machine takes longer for so many starts.
    eventually(lambda: serving.edge("GET", "/hello").status_code == 200, what="the version")
    assert serving.get("/hello") == "v-1"


def test_a_kill_under_load_cuts_only_what_was_in_flight(serving: RunningHost) -> None:
    with SteadyLoad(serving.edge_port, "/hello", clients=4) as load:
        eventually(lambda: load.bodies(), what="a first answer")
        old = int(serving.versions()["v-1"]["pid"])
        os.kill(old, signal.SIGKILL)
        eventually(lambda: is_back(serving, old), what="the version")
    failed = load.failed()
    assert set(failed) <= {(502, "error code: 1101")}
    # At most one request of each client was in flight.
    assert sum(failed.values()) <= load.clients


def is_back(serving: RunningHost, old: int) -> bool:
    """Whether v-1 serves again, from another process."""
    found = serving.versions()["v-1"]
    return bool(found["state"] == "ready" and found["pid"] != old)


def test_a_killed_store_loses_no_acknowledged_row(serving: RunningHost) -> None:
    inserted = [f"row {number}" for number in range(20)]
    for row in inserted:
        serving.get(f"/insert?what={row}")
    pid = serving.store_pid()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: serving.store_pid() != pid and store_is_ready(serving), what="the store")
    assert serving.get("/rows") == inserted


_BROKEN_STORE = """
    const store = new m.Store({ dir: ".", binary: "", runDir: ".", ledger: {}, kvDelayMs: 0 });
    const said = [];
    let broken = false;
    globalThis.fetch = async () => {
      if (broken) throw new TypeError("fetch failed");
      return new Response("[]");
    };
    store.supervisor.whenReady = async () => said.push("waits until it is ready");
    store.supervisor.doubt = async () => said.push("is doubted");
    await store.declare({ d1: ["one"], kv: [] });
    for (const [id, breaks] of input) {
      broken = breaks;
      try {
        said.push((await store.fetch("d1", id, "/query")).status);
      } catch (error) {
        said.push(error.message);
      }
    }
    return said;
"""


def test_a_query_after_one_that_the_store_cut_waits_until_the_store_is_back() -> None:
    queries = [["one", False], ["one", True], ["other", True], ["one", False]]
    assert run_in_node("store.mjs", _BROKEN_STORE, queries) == [
        *("waits until it is ready", 200),
        *("waits until it is ready", "is doubted", "fetch failed"),
        "No database other exists here.",
        *("waits until it is ready", 200),
    ]


def store_is_ready(serving: RunningHost) -> bool:
    return bool(serving.call("GET", "/health").body["ok"])


def test_a_worker_is_refused_a_database_that_is_not_there(serving: RunningHost) -> None:
    serving.call("PUT", "/stores", {"d1": [], "kv": [KV_ID]})
    assert serving.edge("GET", "/insert?what=nowhere").status_code == 500
    serving.call("PUT", "/stores", {"d1": [D1_ID], "kv": [KV_ID]})
    assert serving.get("/insert?what=back") == "inserted"


@pytest.mark.parametrize("number", [None, signal.SIGTERM])
def test_state_survives_an_orderly_restart(start: Starter, number: signal.Signals | None) -> None:
    first = start()
    write(first)
    assert first.stop(number) == 0
    assert read(start(first.state)) == ([{"a": "kept"}], b"kept")


def test_a_killed_host_takes_its_processes_along_and_starts_again(
    start: Starter, bundle: Path
) -> None:
    first = start()
    assert first.put("v-1", bundle).status == 200
    write(first)
    pids = [first.store_pid(), int(first.versions()["v-1"]["pid"])]
    first.kill()
    for pid in pids:
        eventually(lambda: gone(pid), what=f"the end of process {pid}")  # noqa: B023  awaited inside the loop
    assert read(start(first.state)) == ([{"a": "kept"}], b"kept")


def write(running: RunningHost) -> None:
    """Store one row and one value."""
    statements = [{"sql": "CREATE TABLE t (a)"}, {"sql": "INSERT INTO t VALUES ('kept')"}]
    assert running.call("POST", f"/d1/{D1_ID}/query", statements).status == 200
    assert running.raw("PUT", f"/kv/{KV_ID}/values/name", b"kept").status_code == 200


def read(running: RunningHost) -> tuple[object, bytes]:
    """What `write` stored."""
    answer = running.call("POST", f"/d1/{D1_ID}/query", {"sql": "SELECT a FROM t"})
    value = running.raw("GET", f"/kv/{KV_ID}/values/name").content
    return answer.body["results"][0]["results"], value


def test_a_start_ends_what_an_earlier_host_left(start: Starter, tmp_path: Path) -> None:
    records = tmp_path / "run" / "processes"
    records.mkdir(parents=True)
    with subprocess.Popen(["sleep", "600"]) as left, subprocess.Popen(["sleep", "600"]) as other:
        try:
            born = start_time(left.pid)
            (records / f"{left.pid}.json").write_text(record(left.pid, born))
            # The same number with another start time is somebody else's process.
            (records / f"{other.pid}.json").write_text(record(other.pid, f"{born}0"))
            start(tmp_path)
            eventually(lambda: left.poll() is not None, what="the end of the recorded process")
            assert other.poll() is None
        finally:
            for process in (left, other):
                process.kill()


def start_time(pid: int) -> str:
    """A process's start as the host records it."""
    script = (
        "import { startTime } from './process-ledger.mjs';"
        "console.log(startTime(Number(process.argv[1])));"
    )
    run = subprocess.run(
        ["node", "--input-type=module", "-e", script, str(pid)],
        cwd=MAIN.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


def record(pid: int, born: str) -> str:
    return f'{{"pid": {pid}, "born": "{born}", "role": "version-left"}}'


def test_a_second_host_on_the_same_state_is_refused(
    serving: RunningHost, outside: RecordingServer
) -> None:
    with pytest.raises(AssertionError, match=r"exit code 4.*state_in_use"):
        RunningHost(serving.state, outside)
    assert serving.get("/hello") == "v-1"


def test_a_taken_port_is_told_with_its_number(tmp_path: Path, outside: RecordingServer) -> None:
    told = f"exit code 3.*'error': 'port_in_use', 'port': {outside.port}"
    with pytest.raises(AssertionError, match=told):
        RunningHost(tmp_path / "other", outside, edgePort=outside.port)


def test_an_event_whose_process_is_killed_is_told_as_lost(serving: RunningHost) -> None:
    with ThreadPoolExecutor(1) as pool:
        event = {"cron": "hang", "scheduledTimeMs": 0}
        fired = pool.submit(serving.call, "POST", "/versions/v-1/scheduled", event)
        eventually(lambda: serving.versions()["v-1"]["inFlight"] == 1, what="the firing")
        old = int(serving.versions()["v-1"]["pid"])
        os.kill(old, signal.SIGKILL)
        assert (fired.result().status, fired.result().code) == (502, "delivery_lost")
    eventually(lambda: is_back(serving, old), what="the version")
