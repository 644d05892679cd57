from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.host.probe_worker import write_bundle
from tests.host.running_host import BINDINGS, RunningHost

pytestmark = pytest.mark.workerd
SECOND = "0123abcd-second"


@pytest.fixture(scope="module")
def second(host: RunningHost, bundle: Path) -> Iterator[str]:
    """Another version of the same bundle, with a greeting of its own."""
    other = [b for b in BINDINGS if b["name"] != "GREETING"]
    other.append({"type": "plain_text", "name": "GREETING", "text": "other"})
    booted = host.put(SECOND, bundle, bindings=other)
    assert booted.status == 200, booted
    assert booted.body["fromSnapshot"] is True
    yield SECOND
    assert host.call("DELETE", f"/versions/{SECOND}").status == 200
    assert SECOND not in host.versions()


@pytest.fixture(autouse=True)
def everyone_to_the_first(host: RunningHost) -> Iterator[None]:
    """Leave the shared host as it was found."""
    yield
    host.route(1, v_1=100)


def test_a_version_reads_its_variables_secrets_and_metadata(host: RunningHost) -> None:
    assert host.get("/settings") == ['grüß "Gott"\n', "s3cret", "tagged", "2026-11-01T00:00:00Z"]


def test_the_same_version_again_is_no_second_boot(host: RunningHost, bundle: Path) -> None:
    before = host.versions()["v-1"]["pid"]
    first, again = host.put("v-1", bundle), host.put("v-1", bundle)
    assert (first.status, first.body) == (200, again.body)
    assert host.versions()["v-1"]["pid"] == before


def test_a_version_from_a_snapshot_reads_its_own_variables(host: RunningHost, second: str) -> None:
    host.route(1, **{second: 100})
    assert host.get("/settings")[0] == "other"
    assert host.get("/hello") == second


def test_a_split_sends_each_version_about_its_share(host: RunningHost, second: str) -> None:
    host.route(1, v_1=80, **{second: 20})
    answers = [host.get("/hello") for _ in range(200)]
    # 40 expected; 5 standard deviations of a binomial(200, 0.2) are 28.
    assert 12 <= answers.count(second) <= 68


def test_an_affinity_key_always_reaches_the_same_version(host: RunningHost, second: str) -> None:
    host.route(1, v_1=50, **{second: 50})
    header = "Cloudflare-Workers-Version-Key"
    reached = [{host.get("/hello", **{header: f"user-{n}"}) for _ in range(5)} for n in range(12)]
    assert all(len(versions) == 1 for versions in reached)
    assert set().union(*reached) == {"v-1", second}


@pytest.mark.parametrize(
    ("header", "reached"),
    [
        (f'probe="{SECOND}"', SECOND),
        (f'other="v-1", probe="{SECOND}"', SECOND),
        (f'other="{SECOND}"', "v-1"),
        ('probe="absent"', "v-1"),
    ],
)
def test_an_override_holds_for_this_worker_and_a_version_of_the_deployment(
    host: RunningHost, second: str, header: str, reached: str
) -> None:
    host.route(1, v_1=100, **{second: 0})
    name = "Cloudflare-Workers-Version-Overrides"
    assert host.get("/hello", **{name: header}) == reached


def test_a_preview_host_reaches_a_version_without_traffic(host: RunningHost, second: str) -> None:
    assert host.get("/hello", Host="0123abcd-probe.localhost:8788") == second
    assert host.edge("GET", "/", headers={"Host": "9999abcd-probe.localhost"}).status_code == 404


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import nothing_here", "ModuleNotFoundError: No module named 'nothing_here'"),
        ("def broken(:", "SyntaxError: invalid syntax"),
    ],
)
def test_a_worker_that_does_not_start_is_told_by_its_last_line_and_place(
    host: RunningHost, tmp_path: Path, line: str, told: str
) -> None:
    bad = write_bundle(tmp_path / "bad", f"{line}\n")
    before = set(host.versions())
    refused = host.put("v-bad", bad)
    assert (refused.status, refused.code, refused.message) == (
        422,
        "boot_failed",
        f"{told} (entry.py, line 1)",
    )
    assert set(host.versions()) == before
    assert host.get("/hello") == "v-1"


@pytest.mark.parametrize(("folder", "main"), [("absent", "entry.py"), (".", "absent.py")])
def test_a_version_without_its_main_module_is_refused(
    host: RunningHost, bundle: Path, folder: str, main: str
) -> None:
    refused = host.put("v-bare", bundle / folder, mainModule=main)
    assert (refused.status, refused.code) == (422, "boot_failed")
    assert "missing" in refused.message or main in refused.message
    assert str(bundle) not in refused.message


def test_a_binding_of_an_unknown_type_is_refused_by_name(host: RunningHost, bundle: Path) -> None:
    bindings = [{"type": "hyperdrive", "name": "POSTGRES", "id": "x"}]
    refused = host.put("v-odd", bundle, bindings=bindings)
    assert (refused.status, refused.code) == (422, "unsupported_binding")
    assert "POSTGRES" in refused.message
    assert "hyperdrive" in refused.message


def test_a_route_to_a_version_that_does_not_run_changes_nothing(host: RunningHost) -> None:
    refused = host.route(1, v_1=50, v_absent=50)
    assert (refused.status, refused.code) == (422, "version_not_running")
    assert {host.get("/hello") for _ in range(10)} == {"v-1"}


def test_an_older_routing_table_is_refused(host: RunningHost) -> None:
    assert host.route(0, v_1=100).code == "stale_generation"


def test_a_host_without_a_worker_is_not_found(host: RunningHost) -> None:
    answer = host.edge("GET", "/hello", headers={"Host": "elsewhere.example"})
    assert (answer.status_code, answer.text) == (404, "error code: 1042")


def test_the_log_shows_what_a_worker_prints_and_raises(host: RunningHost) -> None:
    host.get("/log?text=printed-by-the-probe")
    assert host.edge("GET", "/fail?text=raised-by-the-probe").status_code == 500

    def logged() -> bool:
        entries = [e for e in host.events() if e["type"] == "log" and e["version"] == "v-1"]
        printed = any(e["message"] == "printed-by-the-probe" for e in entries)
        return printed and any("ValueError: raised-by-the-probe" in e["message"] for e in entries)

    eventually(logged, what="both lines in the log")
