"""The console in a browser, as a person uses it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.installation import Installation


class OpenConsole:
    """A page of the console and the installation that serves it."""

    def __init__(self, page: Page, served: Installation) -> None:
        self.page = page
        self.served = served
        self.url = f"{served.edge_url}/console/"

    def sign_in(self, secret: str | None = None) -> None:
        """Open the console and enter the key."""
        self.page.goto(self.url)
        key = self.served.outputs()["api_secret_key"] if secret is None else secret
        self.page.get_by_label("API secret key").fill(key)
        self.page.get_by_role("button", name="Open the console").click()
        if secret is None:
            expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    def open(self, title: str) -> None:
        """Open a tab by its title."""
        self.page.get_by_role("navigation", name="Console").get_by_role("link", name=title).click()
        expect(
            self.page.get_by_role("navigation", name="Console").locator("[aria-current=page]")
        ).to_have_text(title)

    def switch_to(self, text: str, within: Page | Locator | None = None) -> None:
        """Choose one part of a switch, as a person does who sees no more of it than its text."""
        labels = (within or self.page).locator("label:has(input[type=radio])")
        part = labels.filter(has=self.page.get_by_text(text, exact=True))
        part.click()
        expect(part.get_by_role("radio")).to_be_checked()

    def row(self, text: str) -> Locator:
        """Return the table rows that have a text."""
        return self.page.locator("tbody tr").filter(has_text=text)

    def toast(self, text: str) -> None:
        """Expect a short message."""
        expect(self.page.locator(".toast").filter(has_text=text)).to_be_visible()

    def answer_dialog(self, button: str) -> None:
        """Press a button of the question that is open."""
        self.page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
        expect(self.page.get_by_role("dialog")).to_have_count(0)

    def configure(self, user: str, channel: str = "webhook", **config: Any) -> None:
        """Save a configuration; a webhook leads to the sink unless it says otherwise."""
        config = config or {"webhook_url": f"{self.served.sink_url}/hook/{user}"}
        body = {"user_id": user, "channel_type": channel, "config_data": config}
        self._signed("POST", "/api/user-configs", body)

    def send(self, user: str, content: str, channels: tuple[str, ...] = ("webhook",)) -> Any:
        """Send beside the console, as another program would."""
        body = {
            "user_id": user,
            "channels": list(channels),
            "custom_content": {"subject": content, "content": content},
        }
        return self._signed("POST", "/api/notifications/send", body)["results"]

    def _signed(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        with self.served.service() as service:
            answer = service.call(method, path, body=body)
        assert answer.status_code < 300, answer.text
        return answer.json()
