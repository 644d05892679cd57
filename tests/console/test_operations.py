"""Queues, charts, system and the Grafana try-out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.console.open_console import OpenConsole
from tests.eventually import eventually


def refusing(console: OpenConsole, user: str, status: int) -> None:
    hook = f"{console.served.sink_url}/hook/{user}?status={status}"
    console.configure(user, webhook_url=hook)


@pytest.mark.requirement("C-9", "C-0.7")
def test_dead_letters_are_sent_again_or_discarded_by_choice(console: OpenConsole) -> None:
    page = console.page
    refusing(console, "dead-again", 404)
    refusing(console, "dead-discarded", 404)
    console.send("dead-again", "To be sent again")
    console.send("dead-discarded", "To be discarded")
    console.open("Queues")
    console.row("To be sent again").get_by_role("checkbox").check()
    console.configure("dead-again")
    page.get_by_role("button", name="Send 1 again").click()
    console.toast("1 queued for another attempt.")
    expect(console.row("To be sent again")).to_have_count(0)

    console.row("To be discarded").get_by_role("checkbox").check()
    page.get_by_role("button", name="Discard 1 …").click()
    console.answer_dialog("Cancel")
    expect(console.row("To be discarded")).to_have_count(1)
    page.get_by_role("button", name="Discard 1 …").click()
    console.answer_dialog("Discard")
    expect(console.row("To be discarded")).to_have_count(0)
    rows = console.served.sql(
        "SELECT status FROM notification_logs WHERE user_id = 'dead-discarded'"
    )
    assert rows == [{"status": "cancelled"}]


def test_what_could_not_be_sent_again_is_told_with_the_reason(console: OpenConsole) -> None:
    page = console.page
    for user in ("again-goes", "again-stays"):
        refusing(console, user, 404)
        [sent] = console.send(user, f"Dead of {user}")
    console.configure("again-goes")
    console.open("Queues")
    for user in ("again-goes", "again-stays"):
        console.row(user).get_by_role("checkbox").check()
    with console.served.service() as service:
        gone = service.call("DELETE", f"/api/notification-logs/{sent['logId']}")
        assert gone.status_code == 200
    page.get_by_role("button", name="Send 2 again").click()
    console.toast("1 queued for another attempt. 1 stay: ")
    expect(page.locator(".toast").filter(has_text="1 stay")).to_contain_text("not found")


@pytest.mark.requirement("C-9")
def test_a_waiting_retry_is_listed_and_can_be_ended(console: OpenConsole) -> None:
    page = console.page
    refusing(console, "waiting-user", 503)
    console.send("waiting-user", "Waits")
    console.open("Queues")
    row = console.row("waiting-user")
    expect(row).to_contain_text("HTTP 503")
    row.get_by_role("button", name="End").click()
    console.answer_dialog("End")
    console.toast("1 ended.")
    expect(page.get_by_role("region", name="Dead letters").first).to_contain_text("Waits")


@pytest.mark.requirement("C-9")
def test_charts_show_what_was_sent_as_lines_and_as_tables(console: OpenConsole) -> None:
    page = console.page
    console.configure("chart-user")
    console.send("chart-user", "Counted")
    console.open("Charts")
    expect(page.locator(".chart")).to_have_count(4)
    expect(page.locator(".chart canvas")).to_have_count(4)
    accepted = console.served.sql("SELECT count(*) AS n FROM notification_logs")[0]["n"]
    expect(page.locator(".figure").first).to_contain_text(str(accepted))
    traffic = page.get_by_role("figure", name="Traffic", exact=True)
    traffic.get_by_text("As a table").click()
    shown = traffic.locator("details tbody td:nth-child(2)").all_inner_texts()
    assert sum(int(text) for text in shown) == accepted
    with page.expect_response("**/api/stats/overview*") as asked:
        page.get_by_text("30 days").click()
    assert asked.value.json()["data"]["step"] == "day"
    page.get_by_label("Channel", exact=True).select_option("Telegram")
    expect(page.locator(".figure").first).to_have_text("0accepted")


@pytest.mark.requirement("C-9")
def test_the_system_tab_tells_health_release_versions_schema_and_tasks(
    console: OpenConsole,
) -> None:
    page = console.page
    console.configure("system-user")
    console.send("system-user", "Seen by version")
    version = console.served.outputs()["version_id"]
    console.open("System")
    health = page.get_by_role("region", name="Health")
    expect(health).to_contain_text("Healthy")
    release = page.get_by_role("region", name="Release")
    expect(release).to_contain_text(version)
    expect(release).to_contain_text("All as in the release")
    expect(release.locator(".shares")).to_contain_text(version[:8])
    expect(release.locator(".shares")).to_contain_text("100 % of")
    expect(page.get_by_role("region", name="Database")).to_contain_text("complete")

    page.get_by_role("button", name="Run now: monitoring").click()

    console.toast("monitoring ran.")
    expect(page.get_by_role("region", name="Latest runs").first).to_contain_text("monitoring")
    page.get_by_role("button", name="Delete …").click()
    console.answer_dialog("Delete")
    console.toast("0 deleted.")


def test_a_new_installation_says_that_no_task_has_run(console: OpenConsole) -> None:
    page = console.page
    none = json.dumps({"success": True, "data": {"records": []}})
    page.route("**/api/task-execution-records*", lambda route: route.fulfill(body=none))
    console.open("System")
    runs = page.get_by_role("region", name="Latest runs")
    expect(runs).to_contain_text("No task has run yet.")
    expect(runs.get_by_role("table")).to_have_count(0)


@pytest.mark.requirement("C-9", "C-8.1")
def test_a_grafana_alert_is_tried_and_reaches_its_receiver(console: OpenConsole) -> None:
    page, outputs = console.page, console.served.outputs()
    console.configure("grafana-team")
    console.open("Grafana")
    page.get_by_label("User name of the contact point").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.get_by_label("Receiver (the user)").fill("grafana-team")
    page.get_by_role("button", name="Send the alert").click()
    expect(page.get_by_role("alert")).to_contain_text("UNAUTHORIZED")

    page.get_by_label("User name of the contact point").fill(outputs["grafana_webhook_username"])
    page.get_by_label("Password").fill(outputs["grafana_webhook_password"])
    page.get_by_role("button", name="Disk").click()
    page.get_by_role("button", name="Send the alert").click()
    expect(page.locator(".result")).to_contain_text("Sent")
    [arrived] = console.served.arrivals("/hook/grafana-team")
    assert "DiskAlmostFull" in arrived["body"]

    page.get_by_label("Alert (JSON)").fill("[")
    page.get_by_role("button", name="Send the alert").click()
    expect(page.get_by_text("This isn't a JSON object.")).to_be_visible()


def test_a_database_that_is_away_is_told_in_every_tab(console: OpenConsole) -> None:
    page = console.page
    body = '{"success": false, "error": "Database away", "code": "DB_ERROR", "request_id": "r-1"}'
    page.route("**/api/**", lambda route: route.fulfill(status=503, body=body))
    for title in ("Users", "Templates", "Queues", "Charts", "System", "Notifications"):
        console.open(title)
        expect(page.get_by_role("alert").first).to_contain_text("Database away")
        expect(page.get_by_role("alert").first).to_contain_text("DB_ERROR")
    page.unroute("**/api/**")
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.requirement("C-9")
def test_production_is_marked_and_named_before_something_is_destroyed(
    console: OpenConsole,
) -> None:
    page = console.page
    refusing(console, "production-user", 404)
    console.send("production-user", "In production")

    def as_production(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "environment": "production"})

    page.route("**/health", as_production)
    console.sign_in()
    expect(page.locator(".top .environment")).to_have_text("production")
    expect(page.locator("body")).to_have_css("border-top-width", "3px")
    console.open("Queues")
    console.row("In production").get_by_role("checkbox").check()
    page.get_by_role("button", name="Discard 1 …").click()
    expect(page.get_by_role("dialog")).to_contain_text("This is production.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(console.row("In production")).to_have_count(1)


def test_a_degraded_service_is_neither_healthy_nor_unhealthy(console: OpenConsole) -> None:
    page = console.page
    error = {"code": "WRITES_REFUSED", "message": "The database refused 1 write"}

    def as_degraded(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(
            response=answer, json={**answer.json(), "status": "degraded", "errors": [error]}
        )

    page.route("**/health", as_degraded)
    console.sign_in()
    expect(page.locator(".top .health")).to_have_text("Degraded")
    console.open("System")
    health = page.get_by_role("region", name="Health")
    expect(health.locator(".badge").first).to_have_text("Degraded")
    expect(health).to_contain_text("WRITES_REFUSED")


@pytest.mark.sample(1)
@pytest.mark.parametrize("title", ["Queues", "Charts", "System", "Grafana"])
def test_the_tab_has_no_serious_accessibility_problem(
    console: OpenConsole, serious_problems: Any, title: str
) -> None:
    page = console.page
    refusing(console, "axe-waits", 503)
    refusing(console, "axe-dead", 404)
    console.send("axe-waits", "Waits")
    console.send("axe-dead", "Dead")
    console.open(title)
    page.wait_for_load_state("networkidle")
    assert serious_problems(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious_problems(page) == []


@pytest.mark.requirement("C-9")
def test_a_held_channel_lets_its_notifications_wait_until_it_is_released(
    console: OpenConsole,
) -> None:
    page = console.page
    console.configure("held-user")
    console.open("Queues")
    page.get_by_label("User; empty holds everybody").fill("held-user")
    page.get_by_label("Reason").fill("their server moves")
    page.get_by_role("button", name="Hold …").click()
    console.answer_dialog("Cancel")
    assert console.served.sql("SELECT count(*) AS n FROM channel_holds") == [{"n": 0}]
    page.get_by_role("button", name="Hold …").click()
    console.answer_dialog("Hold")
    console.toast("Held.")
    holds = page.get_by_role("region", name="Holds").first
    expect(holds).to_contain_text("their server moves")

    console.send("held-user", "Waits for the release")
    assert console.served.arrivals("/hook/held-user") == []
    expect(holds.get_by_role("cell", name="1", exact=True)).to_be_visible(timeout=30_000)
    holds.get_by_role("button", name="Release").click()
    console.toast("1 go on.")
    expect(page.get_by_text("Nothing is held.")).to_be_visible()
    eventually(lambda: console.served.arrivals("/hook/held-user"), what="the held notification")


@pytest.mark.requirement("C-9")
def test_dead_letters_are_sent_again_by_a_filter_refused_ones_as_well(
    console: OpenConsole,
) -> None:
    page = console.page
    for user in ("filter-chosen", "filter-left"):
        refusing(console, user, 404)
        console.send(user, f"To {user}")
    console.configure("filter-chosen")
    console.open("Queues")
    expect(console.row("To filter-chosen")).to_have_count(1)
    page.get_by_label("User to send to again").fill("filter-chosen")
    page.get_by_label("Error code").fill("HTTP_ERROR")
    page.get_by_role("button", name="Send those again").click()
    console.toast("1 queued for another attempt.")
    expect(console.row("To filter-chosen")).to_have_count(0)
    expect(console.row("To filter-left")).to_have_count(1)
