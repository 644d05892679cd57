"""Each incident of the runbook, caused by a script and handled by the runbook's own commands.

What the person on duty types must name the cause on the first screen of a terminal of 80 columns
and 24 lines, and the section's commands must end it.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from ops.access.keys.use import signing_key_id
from ops.stacks.service import ServiceClient
from tests.eventually import eventually
from tests.rehearsal import runbook
from tests.rehearsal.rehearsal import Rehearsal
from tests.rehearsal.terminal import Shown

pytestmark = [pytest.mark.soak, pytest.mark.workerd, pytest.mark.requirement("S0-110", "S0-111")]
SEND = "worker/src/notification/sending/send.py"
SEAM = "        prepared = self.prepare(command, request_hash, inputs, keys)\n"
READERS = ("status", "diagnose", "doctor", "drift", "explain", "logs", "verify")


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    with Rehearsal.begun(tmp_path) as built:
        yield built


def counted(rehearsal: Rehearsal, status: int, count: int) -> None:
    """Wait until the data set has what callers were answered: a point comes after its answer."""

    def seen() -> bool:
        document = rehearsal.installation.ctl("status", "--json").stdout
        return f": {status} " in document and f": {count}" in document

    eventually(seen, what=f"{count} answers of {status}")


def first_minute(rehearsal: Rehearsal) -> dict[str, Shown]:
    """Run its commands; none of them may send the reader back to itself."""
    shown = rehearsal.first_minute()
    for name, one in shown.items():
        if name in READERS:
            assert f"notifyctl {name}" not in one.text, one.text
    return shown


def hook(rehearsal: Rehearsal, user: str, query: str = "") -> str:
    return f"{rehearsal.installation.sink_url}/hook/{user}{query}"


def test_a_bug_for_some_users(rehearsal: Rehearsal) -> None:
    bug = "        if command.user_id.startswith('s'):\n            raise KeyError('tier')\n"
    rehearsal.break_code(SEND, SEAM, bug + SEAM)
    answers = [
        rehearsal.call(user, url=hook(rehearsal, user))
        for n in range(4)
        for user in (f"s{n}", f"a{n}")
    ]
    assert answers == [500, 200] * 4
    counted(rehearsal, 500, 4)
    shown = first_minute(rehearsal)
    cause = "4 times POST /api/notifications/send over webhook: 500 INTERNAL_ERROR at KeyError"
    for name in ("status", "diagnose"):
        shown[name].names(cause, "notification/sending/send.py")
    shown["diagnose"].names("rollback --stack local --plan-only", "runbook: Bad deployment")
    handle_bad_deployment(rehearsal)
    assert rehearsal.call("s1", url=hook(rehearsal, "s1")) == 200


def test_a_bug_for_everybody(rehearsal: Rehearsal) -> None:
    rehearsal.break_code(SEND, SEAM, "        raise ZeroDivisionError\n" + SEAM)
    for n in range(5):
        assert rehearsal.call(f"u{n}", url=hook(rehearsal, f"u{n}")) == 500
    counted(rehearsal, 500, 5)
    first_minute(rehearsal)["diagnose"].names("500 INTERNAL_ERROR at ZeroDivisionError (_accept")
    (tail,) = during(rehearsal, "Errors")
    tail.names("ZeroDivisionError", "POST /api/notifications/send 500")
    handle_bad_deployment(rehearsal)


def during(rehearsal: Rehearsal, section: str) -> list[Shown]:
    """Run the section's first command while a caller goes on."""
    done = Event()

    def callers() -> None:
        while not done.wait(0.2):
            rehearsal.call("u0")

    caller = Thread(target=callers)
    caller.start()
    try:
        return rehearsal.follow(section, runbook.FIRST)
    finally:
        done.set()
        caller.join()


def handle_bad_deployment(rehearsal: Rehearsal) -> None:
    """Go back by the runbook, and see that it is over."""
    (plan,) = rehearsal.follow("Bad deployment", runbook.FIRST)
    assert plan.code == 0
    plan.names("Back to", "Gate")
    back, verified = rehearsal.follow("Bad deployment", runbook.COMMANDS, answer="y\n")
    assert back.code == 0, back.text
    assert verified.code == 0, verified.text


def test_a_broken_deployment(rehearsal: Rehearsal) -> None:
    logs = "worker/src/notification/routes/logs.py"
    seam = "    query = call.request.query\n    chosen = LogFilter("
    rehearsal.project.replace(logs, seam, "    raise LookupError\n" + seam)
    rehearsal.project.commit("A broken release")
    failed = rehearsal.type("notifyctl up --stack local")
    assert failed.code == 5, failed.text
    assert "The check 'signed' failed" in failed.text
    assert "notifyctl rollback" in failed.text
    counted(rehearsal, 500, 1)
    shown = first_minute(rehearsal)
    shown["diagnose"].names(
        "GET /api/notification-logs: 500 INTERNAL_ERROR at LookupError (list_logs",
        "runbook: Bad deployment",
    )
    handle_bad_deployment(rehearsal)


def test_a_full_disk(rehearsal: Rehearsal) -> None:
    rehearsal.call("u0", url=hook(rehearsal, "u0"))
    with full_disk(rehearsal):
        assert {rehearsal.call("u0") for _ in range(3)} == {503}
        counted(rehearsal, 503, 3)
        shown = first_minute(rehearsal)
        shown["status"].names("The disk is full", "503 DB_ERROR")
        shown["diagnose"].names("The disk is full", "runbook: Database refuses", "503 DB_ERROR")
        assert (shown["status"].code, shown["diagnose"].code) == (6, 5)
        (doctor,) = rehearsal.follow("Database refuses", runbook.FIRST)
        assert (doctor.code, "The disk is full" in doctor.text) == (1, True)
    assert rehearsal.call("u0") == 200


@contextmanager
def full_disk(rehearsal: Rehearsal) -> Iterator[None]:
    """Let the disk of the data be full: a file system of its own where that may be mounted."""
    home = rehearsal.installation.home
    store = home / "cloud" / "runtime" / "store"
    rehearsal.type("notifyctl local stop")
    saved = home / "saved-store"
    store.rename(saved)
    store.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(store)], check=False
    )
    if mounted.returncode:
        store.rmdir()
        saved.rename(store)
        pytest.skip("a full disk needs a file system of its own, and this user may mount none")
    try:
        subprocess.run(["cp", "-a", f"{saved}/.", str(store)], check=True)
        assert rehearsal.type("notifyctl local start").code == 0
        filler = store / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        yield
        filler.unlink()
    finally:
        rehearsal.type("notifyctl local stop")
        subprocess.run(["cp", "-a", f"{store}/.", str(saved)], check=True)
        (saved / "filler").unlink(missing_ok=True)
        subprocess.run(["umount", str(store)], check=True)
        store.rmdir()
        saved.rename(store)
        rehearsal.type("notifyctl local start")


def test_a_database_that_refuses(rehearsal: Rehearsal) -> None:
    rehearsal.call("u0", url=hook(rehearsal, "u0"))
    rehearsal.installation.sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON notification_logs "
        "BEGIN SELECT RAISE(ABORT, 'Exceeded maximum DB size'); END"
    )
    assert {rehearsal.call("u0") for _ in range(3)} == {503}
    counted(rehearsal, 503, 3)
    shown = first_minute(rehearsal)
    shown["status"].names("degraded", "The database refused 3 writes", "503 DB_ERROR")
    shown["diagnose"].names("The database refused 3 writes", "503 DB_ERROR", "such as request")
    (doctor,) = rehearsal.follow("Database refuses", runbook.FIRST)
    assert "refused 3 writes" in doctor.text
    rehearsal.installation.sql("DROP TRIGGER refuse")
    assert rehearsal.call("u0") == 200


def test_an_api_of_the_database_that_fails(rehearsal: Rehearsal) -> None:
    assert rehearsal.type("notifyctl local fault add 'd1 query 500/7500 for 5m'").code == 0
    shown = first_minute(rehearsal)
    shown["status"].names("unknown: channels", "7500")
    shown["diagnose"].names("data:", "7500", "runbook: Data is wrong")
    (checked,) = rehearsal.follow("Failed migration", runbook.FIRST)
    checked.names("7500")
    assert rehearsal.type("notifyctl local fault clear").code == 0
    assert first_minute(rehearsal)["diagnose"].code == 0


def slack(rehearsal: Rehearsal, user: str, query: str) -> int:
    url = f"{rehearsal.installation.sink_url}/services/T0/B0/{user}{query}"
    return rehearsal.call(user, channel="slack", url=url)


def test_one_channel_that_is_down(rehearsal: Rehearsal) -> None:
    for n in range(3):
        assert slack(rehearsal, f"b{n}", "?fail=slack:no_service") == 200
    shown = first_minute(rehearsal)
    shown["diagnose"].names("slack: 3 sends failed", "for 3 users", "runbook: One channel")
    assert "slack" in shown["status"].first_screen
    (listed,) = rehearsal.follow("One channel", runbook.FIRST)
    listed.names("slack", "failed", "no_service")
    for n in range(3):  # The provider is mended.
        url = f"{rehearsal.installation.sink_url}/services/T0/B0/b{n}"
        rehearsal.configure(f"b{n}", "slack", {"webhook_url": url})
    done = rehearsal.follow("One channel", runbook.COMMANDS)
    assert [one.code for one in done] == [0] * len(done), [one.text for one in done]
    done[1].names("Slack is down")
    done[3].names("3")

    def over() -> bool:
        (listed,) = rehearsal.follow("One channel", runbook.FIRST)
        return "No notification matches" in listed.text

    eventually(over, what="the end of the incident")


def test_a_provider_that_throttles(rehearsal: Rehearsal) -> None:
    for n in range(3):
        assert slack(rehearsal, f"t{n}", "?fail=slack:rate_limited") == 200
    shown = first_minute(rehearsal)
    shown["diagnose"].names("slack: 0 sends failed and 3 in retry", "THROTTLED", "One channel")
    assert "slack" in shown["status"].first_screen


def test_the_endpoint_of_one_user_that_is_gone(rehearsal: Rehearsal) -> None:
    assert rehearsal.call("ada", url=hook(rehearsal, "ada", "?status=410")) == 200
    assert rehearsal.call("bob", url=hook(rehearsal, "bob")) == 200
    first_minute(rehearsal)["diagnose"].names("for user ada", "410", "runbook: One user")
    (explained,) = rehearsal.follow("One user", runbook.FIRST)
    assert explained.code == 1
    explained.names("webhook:", "410", "notifyctl users set ada --channel webhook")
    message = rehearsal.installation.ctl_json("logs", "--user", "ada")[0]["message_id"]
    done = rehearsal.follow(
        "One user",
        runbook.COMMANDS,
        **{
            "ntf_1795918200000": message,
            "https://hooks.example.com/ada": hook(rehearsal, "ada"),
        },
    )
    assert [one.code for one in done] == [0] * len(done), [one.text for one in done]
    done[0].names("410")
    (explained,) = rehearsal.follow("One user", runbook.FIRST)
    assert (explained.code, "reached" in explained.text) == (0, True)


def test_a_leaked_key(rehearsal: Rehearsal) -> None:
    installation = rehearsal.installation
    leaked = str(installation.outputs()["api_secret_key"])
    rotated = rehearsal.type("notifyctl keys rotate --stack local apiSecretKey")
    assert rotated.code == 0, rotated.text
    with ServiceClient(str(installation.outputs()["service_url"]), leaked) as thief:
        assert thief.call("GET", "/api/queue/status").status_code == 200
    key_id = signing_key_id(leaked)

    def seen() -> Shown | None:
        (age,) = rehearsal.follow("Leaked key", runbook.FIRST)
        return age if key_id in age.text else None

    eventually(seen, what="the leaked key's use").names(key_id, "an older one")
    finished = rehearsal.type("notifyctl keys rotate --stack local --finish")
    assert finished.code == 0, finished.text
    finished.names("warning: the older signing key", key_id, "in the last day")
    with ServiceClient(str(installation.outputs()["service_url"]), leaked) as thief:
        assert thief.call("GET", "/api/queue/status").status_code == 401


def test_lost_rows_of_templates(rehearsal: Rehearsal) -> None:
    rehearsal.configure("ada", "webhook", {"webhook_url": hook(rehearsal, "ada")})
    rehearsal.installation.sql("DELETE FROM template_contents")
    shown = first_minute(rehearsal)
    shown["diagnose"].names("templates without a content", "runbook: Data is wrong", "db check")
    (checked,) = rehearsal.follow("Data is wrong", runbook.FIRST)
    assert checked.code != 0
    checked.names("templates without a content")


def test_a_lost_lock(rehearsal: Rehearsal) -> None:
    rehearsal.project.replace(SEND, SEAM, "        # Nothing.\n" + SEAM)
    rehearsal.project.commit("A change")
    process = rehearsal.installation.start("up", "--stack", "local")
    locks = rehearsal.installation.home / "pulumi" / ".pulumi" / "locks"
    eventually(lambda: [*locks.rglob("*.json")] if locks.is_dir() else None, what="the lock")
    (lock,) = locks.rglob("*.json")
    content = json.loads(lock.read_text())
    process.kill()
    process.communicate()
    # Of a process on this machine it is known that it is gone; of one elsewhere it isn't.
    lock.write_text(json.dumps({**content, "hostname": "a-laptop-that-is-shut"}))
    refused = rehearsal.type("notifyctl up --stack local")
    assert refused.code != 0
    refused.names("locked by process", "on a-laptop-that-is-shut", "notifyctl unlock")
    recovered = rehearsal.follow("Bad deployment", "Afterwards", answer="local\n")
    assert recovered[0].code == 0, recovered[0].text
    assert rehearsal.type("notifyctl up --stack local").code == 0


def test_a_killed_cloud(rehearsal: Rehearsal) -> None:
    status = rehearsal.installation.ctl_json("local", "status")
    psutil.Process(status["pid"]).kill()
    shown = first_minute(rehearsal)
    for name in ("status", "diagnose"):
        assert shown[name].code == 6
        shown[name].names("doesn't run", "notifyctl local start")
    assert rehearsal.type("notifyctl local start").code == 0
    assert first_minute(rehearsal)["status"].code == 0


def test_a_drift_by_hand(rehearsal: Rehearsal) -> None:
    outputs = rehearsal.installation.outputs()
    path = f"/client/v4/accounts/{outputs['account_id']}/workers/scripts/{outputs['worker_name']}"
    changed = rehearsal.installation.control(
        "PUT", f"{path}/schedules", json=[{"cron": "0 3 * * *"}]
    )
    assert changed.status_code == 200, changed.text
    (drift,) = rehearsal.follow("Drift", runbook.FIRST)
    assert drift.code == 7
    drift.names("0 3 * * *", "cron")
    done = rehearsal.follow("Drift", runbook.COMMANDS)
    assert [one.code for one in done] == [0] * len(done), [one.text for one in done]
    (drift,) = rehearsal.follow("Drift", runbook.FIRST)
    assert drift.code == 0


def test_a_queue_without_its_consumer(rehearsal: Rehearsal) -> None:
    outputs = rehearsal.installation.outputs()
    queue = f"/client/v4/accounts/{outputs['account_id']}/queues/{outputs['retry_queue_id']}"
    for consumer in rehearsal.installation.control("GET", f"{queue}/consumers").json()["result"]:
        path = f"{queue}/consumers/{consumer['consumer_id']}"
        assert rehearsal.installation.control("DELETE", path).status_code == 200
    assert rehearsal.call("u0", url=hook(rehearsal, "u0", "?fail_first=1&status=500")) == 200
    (status,) = rehearsal.follow("Stuck queue", runbook.FIRST)
    assert re.search(r"webhook +1 +0 +1 ", status.first_screen), status.text
    drift = rehearsal.type("notifyctl drift --stack local")
    assert drift.code == 7
    drift.names("consumer")
    repaired = rehearsal.follow("Stuck queue", runbook.COMMANDS)[0]
    assert repaired.code == 0, repaired.text
    eventually(
        lambda: rehearsal.installation.ctl_json("logs", "--user", "u0", "--status", "sent"),
        what="the delivery",
    )


def test_a_binding_without_its_store(rehearsal: Rehearsal) -> None:
    namespace = str(rehearsal.installation.outputs()["kv_namespace_id"])
    # The API refuses to remove a namespace that a version is bound to; it is lost all the same.
    path = rehearsal.installation.home / "cloud" / "control-plane.sqlite3"
    with closing(sqlite3.connect(path, timeout=30)) as database, database:
        database.execute("DELETE FROM kv_namespaces WHERE id = ?", (namespace,))
    (doctor,) = rehearsal.follow("Lost binding", runbook.FIRST)
    assert doctor.code == 1
    assert "CONFIG_CACHE" in doctor.text
    assert namespace in doctor.text
    drift, repaired = rehearsal.follow("Lost binding", runbook.COMMANDS)[:2]
    assert drift.code == 7
    drift.names("config-cache")
    assert repaired.code == 0, repaired.text
    (doctor,) = rehearsal.follow("Lost binding", runbook.FIRST)
    assert doctor.code == 0, doctor.text


def test_a_service_that_no_name_leads_to(rehearsal: Rehearsal) -> None:
    outputs = rehearsal.installation.outputs()
    path = f"/client/v4/accounts/{outputs['account_id']}/workers/scripts/{outputs['worker_name']}"
    off = {"enabled": False, "previews_enabled": False}
    answer = rehearsal.installation.control("POST", f"{path}/subdomain", json=off)
    assert answer.status_code == 200, answer.text
    (diagnosed,) = rehearsal.follow("Unreachable", runbook.FIRST)
    assert diagnosed.code == 5
    diagnosed.names("GET /health answered 404", "runbook: Unreachable")
    drift, refreshed, repaired = rehearsal.follow("Unreachable", runbook.COMMANDS)
    assert drift.code == 7
    drift.names("workers.dev of worker: enabled off, not enabled on")
    assert refreshed.code == 0, refreshed.text
    assert repaired.code == 0, repaired.text
    (verified,) = rehearsal.follow("Unreachable", runbook.OVER)
    assert verified.code == 0, verified.text


def test_sends_that_are_slow(rehearsal: Rehearsal) -> None:
    for n in range(3):
        assert rehearsal.call(f"w{n}", url=hook(rehearsal, f"w{n}", "?delay_ms=4000")) == 200

    def told() -> Shown | None:
        (diagnosed,) = rehearsal.follow("Slow", runbook.FIRST)
        return diagnosed if diagnosed.code == 5 else None

    diagnosed = eventually(told, what="the measured time")
    diagnosed.names("above 1000 ms", "runbook: Slow", "such as ntf_")
    done = rehearsal.follow("Slow", runbook.COMMANDS, answer="local\n")
    assert [one.code for one in done] == [0] * len(done), [one.text for one in done]


def test_a_database_that_is_restored(rehearsal: Rehearsal) -> None:
    installation = rehearsal.installation
    assert rehearsal.call("ada", url=hook(rehearsal, "ada")) == 200
    buckets = f"/client/v4/accounts/{installation.outputs()['account_id']}/r2/buckets"
    assert installation.control("POST", buckets, json={"name": "nightly"}).status_code == 200
    (taken,) = rehearsal.follow("Restore", runbook.FIRST)
    assert taken.code == 0, taken.text
    assert rehearsal.type("notifyctl db backup --stack local --encrypt --r2 nightly").code == 0
    bookmark = installation.ctl_json("db", "bookmark")["bookmark"]
    for way in ("bookmark", "backup"):
        installation.sql("DELETE FROM template_contents")
        installation.sql("DELETE FROM user_configs")
        (checked,) = rehearsal.follow("Data is wrong", runbook.FIRST)
        assert checked.code == 5
        checked.names("templates without a content")
        values = {
            "2026-11-22T01:55:00Z": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "BOOKMARK": bookmark,
            "BUCKET": "nightly",
        }
        words = {"bookmark": ("db bookmark", "db travel"), "backup": ("db verify", "db restore")}
        for command in runbook.commands("Restore", runbook.COMMANDS):
            if any(word in command for word in words[way]):
                done = rehearsal.type(runbook.filled_in(command, values), answer="local\n")
                assert done.code == 0, done.text
        for command in ("notifyctl db check --stack local", "notifyctl verify --stack local"):
            over = rehearsal.type(command)
            assert over.code == 0, over.text
        assert rehearsal.call("ada") == 200


def test_every_section_has_a_first_command_that_is_run_here() -> None:
    """A section whose incident nobody rehearses is named, so that none is forgotten."""
    rehearsed = {
        *("Errors", "Bad deployment", "Failed migration", "Drift", "Leaked key", "Stuck queue"),
        *("One user", "One channel", "Data is wrong", "Database refuses", "Lost binding"),
        *("Unreachable", "Slow", "Restore"),
    }
    elsewhere = {
        # Not rehearsed in this order yet: their commands have tests of their own.
        *("Cron stopped", "Wrong secret"),
    }
    assert set(runbook.sections()) == rehearsed | elsewhere
