"""A host that dies comes back with everything, and the control plane restarts without loss."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.localcloud.fake_host import FakeHost
from tests.localcloud.running_cloud import FakeLauncher, RunningCloud, deploy, until, version_body


def told(host: FakeHost) -> dict[str, Any]:
    """What a host knows."""
    return {"stores": host.stores, "versions": host.versions, "routes": host.routes[-1]["routes"]}


def fill(cloud: RunningCloud) -> None:
    """One of everything that the host has to know."""
    database = cloud.result("POST", "/d1/database", json={"name": "db"})["uuid"]
    cloud.result("POST", "/storage/kv/namespaces", json={"title": "kv"})
    cloud.result("POST", "/queues", json={"queue_name": "jobs"})
    bindings = [
        {"type": "d1", "name": "DB", "id": database},
        {"type": "queue", "name": "Q", "queue_name": "jobs"},
        {"type": "secret_text", "name": "S", "text": "secret"},
    ]
    worker, _ = deploy(cloud, bindings=bindings)
    cloud.result("POST", f"/workers/workers/{worker}/versions", json=version_body())


def test_a_killed_host_is_started_again_and_told_everything(cloud: RunningCloud) -> None:
    fill(cloud)
    before, generation = told(cloud.host), cloud.host.routes[-1]["generation"]
    cloud.launcher.process.kill()
    health = f"{cloud.root_url}/local/health"
    until(lambda: cloud.launcher.launches == 2)
    until(lambda: cloud.http.get(health).status_code == 200)
    assert told(cloud.host) == before
    assert len(cloud.host.versions) == 2
    assert cloud.host.routes[-1]["generation"] > generation
    assert cloud.launcher.orders[1].edge_port == cloud.launcher.process.edge_port


def test_a_call_during_a_restart_of_the_host_waits_for_it(cloud: RunningCloud) -> None:
    cloud.launcher.process.kill()
    database = cloud.result("POST", "/d1/database", json={"name": "db"})
    assert database["num_tables"] == 0


def test_a_restart_of_the_control_plane_loses_nothing(tmp_path: Path) -> None:
    with RunningCloud(tmp_path / "home") as cloud:
        fill(cloud)
        before, state = told(cloud.host), cloud.local("GET", "/state")
        modules = cloud.home.bundles
    with RunningCloud(tmp_path / "home", FakeLauncher()) as cloud:
        assert told(cloud.host) == before
        assert cloud.local("GET", "/state") == state
        assert [path for path in modules.iterdir() if path.is_dir()]


def test_a_version_that_no_longer_starts_does_not_keep_the_cloud_down(tmp_path: Path) -> None:
    with RunningCloud(tmp_path / "home") as cloud:
        deploy(cloud, "good")
        _, broken = deploy(cloud, "bad")

    def prepare(host: FakeHost) -> None:
        failed = {"error": {"code": "boot_failed", "message": "ImportError"}}
        host.boot = lambda version, _: (422, failed) if version == broken else (200, {"bootMs": 1})

    with RunningCloud(tmp_path / "home", FakeLauncher(prepare)) as cloud:
        assert [route["script"] for route in cloud.host.routes[-1]["routes"]] == ["good"]
        assert broken in (cloud.home.logs / "control-plane.log").read_text()


def test_workers_are_told_of_a_moved_clock_and_a_host_that_restarts_is_too(
    cloud: RunningCloud,
) -> None:
    def move(milliseconds: int) -> Any:
        return cloud.local("POST", "/clock", json={"advance_ms": milliseconds})["now_ms"]

    with ThreadPoolExecutor(8) as together:
        assert all(together.map(move, range(8)))
    assert cloud.host.clock_offsets[-1] == sum(range(8))
    assert cloud.host.clock_offsets == sorted(cloud.host.clock_offsets)
    cloud.launcher.process.kill()
    until(lambda: cloud.launcher.launches == 2)
    move(1_000)
    health = f"{cloud.root_url}/local/health"
    until(lambda: cloud.http.get(health).status_code == 200)
    assert cloud.host.clock_offsets[-1] == sum(range(8)) + 1_000


def test_lines_that_come_together_or_in_pieces_are_kept_as_they_are(tmp_path: Path) -> None:
    messages = ["first", "with \u2028 and \x85 inside", "é" * 70_000, "last"]

    def prepare(host: FakeHost) -> None:
        host.messages = messages

    with RunningCloud(tmp_path / "home", FakeLauncher(prepare)) as cloud:
        logs = until(
            lambda: len(found := cloud.local("GET", "/logs?limit=9")["logs"]) == 4 and found
        )
        assert [line["message"] for line in logs] == messages


def test_what_workers_log_is_kept_and_can_be_asked_for(cloud: RunningCloud) -> None:
    logs = until(lambda: cloud.local("GET", "/logs?limit=5&level=info")["logs"])
    assert (logs[0]["script"], logs[0]["message"]) == ("w", "hello")
    assert cloud.local("GET", "/logs?level=error")["logs"] == []
    for query in ("limit=0", "limit=1001", "level=loud"):
        assert cloud.http.get(f"{cloud.root_url}/local/logs?{query}").status_code == 400


def test_bundles_of_no_version_are_removed_at_the_next_start(tmp_path: Path) -> None:
    with RunningCloud(tmp_path / "home") as cloud:
        worker, _ = deploy(cloud)
        left_over = cloud.home.bundles / "0000.1.new"
        left_over.mkdir()
        cloud.result("DELETE", f"/workers/workers/{worker}")
        assert len(list(cloud.home.bundles.iterdir())) == 3
    with RunningCloud(tmp_path / "home") as cloud:
        assert list(cloud.home.bundles.iterdir()) == []
