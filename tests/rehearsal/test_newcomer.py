"""What a newcomer meets, row by row: a fresh clone, a bare environment, no rights, no network.

The rows are in the order in which a person would come to them; each leaves the stack as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.installation import free_ports
from tests.rehearsal.newcomer import Newcomer

pytestmark = [pytest.mark.soak, pytest.mark.workerd]
CTL = ".venv/bin/notifyctl"


@pytest.fixture(scope="module")
def newcomer() -> Iterator[Newcomer]:
    built = Newcomer()
    try:
        installed = built.run("make install")
        assert installed.code == 0, installed.text[-3000:]
        assert "1 of 4" in installed.text  # progress, and not a minute of silence
        # The three usual ports may be another checkout's on the machine that tests.
        control, edge, sink = free_ports(3)
        options = f"--control-port {control} --edge-port {edge} --sink-port {sink}"
        up = built.run(f"{CTL} up --stack local {options}")
        assert up.code == 0, up.text[-3000:]
        built.run("make down")
        built.go_offline()
        again = built.run("make up")
        assert again.code == 0, again.text[-3000:]
        assert f"http://127.0.0.1:{edge}" in again.text
        yield built
    finally:
        built.close()


def changed_module(newcomer: Newcomer, mark: str) -> None:
    module = newcomer.clone / "worker/src/notification/sending/send.py"
    module.write_text(f"{module.read_text()}\n# {mark}\n")


def a_closed_output_ends_nothing(newcomer: Newcomer) -> None:
    changed_module(newcomer, "three lines")
    cut = newcomer.run(f"set -o pipefail; timeout 120 {CTL} up --stack local | head -3")
    assert cut.code == 0, cut.text
    assert "0 changes" in newcomer.run(f"{CTL} up --stack local").text


def the_path_changes_no_installation(newcomer: Newcomer) -> None:
    before = (newcomer.clone / ".venv").resolve()
    again = newcomer.run("PATH=$PWD/.venv/bin:$PATH make install")
    assert (again.code, (newcomer.clone / ".venv").resolve()) == (0, before), again.text
    assert newcomer.run(f"{CTL} up --stack local").code == 0


def ids_can_be_copied_at_60_columns(newcomer: Newcomer) -> None:
    shown = newcomer.run(f"{CTL} logs", COLUMNS="60").text
    assert re.search(r"ntf_\d{13}_webhook_[0-9a-f]{12}", shown), shown


def a_diagnosis_of_a_healthy_stack_is_well(newcomer: Newcomer) -> None:
    told = newcomer.run(f"{CTL} diagnose")
    assert told.code == 0, told.text


def chosen_ports_hold_in_a_new_shell(newcomer: Newcomer) -> None:
    before = newcomer.run(f"{CTL} local status service_url").text
    assert newcomer.run("make down").code == 0
    assert newcomer.run("make up").code == 0
    assert newcomer.run(f"{CTL} local status service_url").text == before


def all_taken_ports_are_one_message_with_one_command(newcomer: Newcomer) -> None:
    assert newcomer.run("make down").code == 0
    holding = (
        "import json,socket,subprocess,sys; ports=json.load(open('.local/ports.json')).values();"
        "held=[socket.create_server(('127.0.0.1',p)) for p in ports];"
        "sys.exit(subprocess.call(['make','up']))"
    )
    told = newcomer.run(f'python3 -c "{holding}"')
    assert told.code != 0
    command = re.search(r"\S+ local start (?:--\w+-port \d+ ?){3}", told.text)
    assert command, told.text
    # The person has ended what held them; the command works all the same.
    done = newcomer.run(f"{command[0]} && make up")
    assert done.code == 0, done.text


def a_home_that_cannot_be_written(newcomer: Newcomer) -> None:
    newcomer.home.chmod(0o555)
    try:
        again = newcomer.run("make install && make up")
    finally:
        newcomer.home.chmod(0o755)
    assert again.code == 0, again.text


def the_age_of_keys_shows_their_use(newcomer: Newcomer) -> None:
    told = newcomer.run(f"{CTL} keys age --stack local")
    assert told.code == 0
    assert "the newest" in told.text, told.text


def looking_at_a_killed_cloud_starts_nothing(newcomer: Newcomer) -> None:
    newcomer.run(f"kill -9 $({CTL} local status pid)")
    for command in ("status", "preview", "verify", "logs"):
        told = newcomer.run(f"{CTL} {command}")
        assert (told.code, "notifyctl local start" in told.text) == (6, True), told.text
        assert f"notifyctl {command}" not in told.text
    assert newcomer.run(f"{CTL} local start").code == 0


def habits_are_understood(newcomer: Newcomer) -> None:
    assert newcomer.run(f"{CTL} -h").text.lstrip().startswith("Usage: notifyctl")
    assert "Usage: notifyctl logs" in newcomer.run(f"{CTL} help logs").text
    stop = newcomer.run(f"{CTL} stop")
    assert (stop.code, "notifyctl local stop" in stop.text) == (2, True)
    assert newcomer.run(f"source <({CTL} completion bash)").code == 0
    interrupted = newcomer.run(f"timeout -s INT 3 {CTL} tail; echo ended with $?")
    assert "ended with 124" in interrupted.text  # timeout's own code, whatever tail's was
    history = newcomer.run(f"{CTL} logs --status retry")
    assert (history.code, "No notification matches" in history.text) == (0, True)
    future = newcomer.run(f"{CTL} db bookmark --at 2999-01-01T00:00:00Z")
    assert (future.code, "still to come" in future.text) == (2, True)


def the_first_minute_is_one_screen(newcomer: Newcomer) -> None:
    shown = newcomer.run(f"{CTL} status", COLUMNS="80").text
    assert len(shown.splitlines()) < 24, shown


def a_request_is_found_by_its_id(newcomer: Newcomer) -> None:
    sent = newcomer.run(
        f"{CTL} send --user ada --channel webhook --message x "
        f"--url $({CTL} local status sink_url)/hook/ada --json"
    )
    request_id = re.search(r'"request_id": "([^"]+)"', sent.text)
    assert request_id, sent.text
    found = newcomer.run(f"{CTL} logs --request-id {request_id[1]} --json")
    assert found.text.count('"message_id"') == 1, found.text


def an_unknown_parameter_is_refused(newcomer: Newcomer) -> None:
    told = newcomer.run(
        f'curl -s "$({CTL} local status service_url)/health?statuss=failed" || true'
    )
    assert "it takes: detailed" in told.text, told.text


def a_backup_goes_there_and_back(newcomer: Newcomer) -> None:
    assert newcomer.run(f"{CTL} db backup").code == 0
    restored = newcomer.run(f"{CTL} db restore --confirm local")
    assert (restored.code, "To undo it: notifyctl db travel" in restored.text) == (0, True)


def what_destroy_and_clean_leave_is_said(newcomer: Newcomer) -> None:
    destroyed = newcomer.run("make destroy")
    assert destroyed.code == 0, destroyed.text
    assert "make clean" in destroyed.text, destroyed.text
    assert newcomer.run("make clean").code == 0
    assert not (newcomer.clone / ".venv").exists()


ROWS: dict[str, Callable[[Newcomer], None]] = {
    "3: a closed output": a_closed_output_ends_nothing,
    "4: PATH and the installation": the_path_changes_no_installation,
    "7: narrow tables": ids_can_be_copied_at_60_columns,
    "8: a diagnosis": a_diagnosis_of_a_healthy_stack_is_well,
    "10: ports in a new shell": chosen_ports_hold_in_a_new_shell,
    "10: taken ports": all_taken_ports_are_one_message_with_one_command,
    "11: HOME read-only": a_home_that_cannot_be_written,
    "12: keys age": the_age_of_keys_shows_their_use,
    "13: a killed cloud": looking_at_a_killed_cloud_starts_nothing,
    "15: habits": habits_are_understood,
    "15: backup and restore": a_backup_goes_there_and_back,
    "17: a request's id": a_request_is_found_by_its_id,
    "18: an unknown parameter": an_unknown_parameter_is_refused,
    "status: one screen": the_first_minute_is_one_screen,
    "14: what stays": what_destroy_and_clean_leave_is_said,
}


@pytest.mark.parametrize("row", ROWS)
def test_a_newcomer(newcomer: Newcomer, row: str) -> None:
    ROWS[row](newcomer)
