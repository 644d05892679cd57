"""Apprise, unmodified, notifies through the service with the plugin."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import apprise
import httpx
import pytest

from notification_sdk import apprise_plugin
from notification_sdk.testing import TEST_KEY, FakeNotificationService

ROOT = Path(__file__).parents[2]
PLUGIN = Path(apprise_plugin.__file__)


@pytest.fixture
def address(notification_service: FakeNotificationService) -> Iterator[str]:
    """The service in memory, on a port of its own; yields the plugin's URL without a path."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            url = f"http://{self.headers['Host']}{self.path}"
            request = httpx.Request("POST", url, headers=list(self.headers.items()), content=body)
            answer = notification_service.handle(request)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"notification://{TEST_KEY}@127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_notification_goes_to_each_channel_of_the_url(
    notification_service: FakeNotificationService, address: str
) -> None:
    sender = apprise.Apprise(f"{address}/ada%2Flove/lark/telegram")
    assert sender.notify(body="95 % used", title="Disk", notify_type="warning")
    assert [
        (sent.user_id, sent.channel, sent.subject, sent.content)
        for sent in notification_service.sent
    ] == [
        ("ada/love", "lark", "Disk", "95 % used"),
        ("ada/love", "telegram", "Disk", "95 % used"),
    ]
    assert notification_service.sent[0].metadata == {"apprise_type": "warning"}


def test_markup_becomes_the_plain_text_that_the_service_takes(
    notification_service: FakeNotificationService, address: str
) -> None:
    sender = apprise.Apprise(f"{address}/ada/lark")
    assert sender.notify(body="<b>95 %</b> used", body_format=apprise.NotifyFormat.HTML)
    [sent] = notification_service.sent
    assert (sent.subject, sent.content) == (None, "95 % used")


def test_a_failure_that_may_pass_is_tried_again_and_sent_once(
    notification_service: FakeNotificationService, address: str
) -> None:
    notification_service.fail_next(503, retry_after=0)
    assert apprise.Apprise(f"{address}/ada/lark").notify(body="Hi")
    assert len(notification_service.requests) == 2
    assert len(notification_service.sent) == 1


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "API_KEY@HOST/USER/CHANNEL"),
        ("/bob/slack", "No endpoint is configured"),
    ],
)
def test_what_reaches_nobody_fails_and_says_why(
    notification_service: FakeNotificationService,
    address: str,
    path: str,
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    notification_service.fail_channel(
        "slack", code="CHANNEL_NOT_CONFIGURED", error="No endpoint is configured"
    )
    assert not apprise.Apprise(address + path).notify(body="Hi")
    assert said in caplog.text
    assert TEST_KEY not in caplog.text


def test_a_wrong_key_fails(address: str, caplog: pytest.LogCaptureFixture) -> None:
    wrong = address.replace(TEST_KEY, "f" * 64)
    assert not apprise.Apprise(f"{wrong}/ada/lark").notify(body="Hi")
    assert "signature" in caplog.text.lower()


def test_an_attachment_is_left_out_with_a_warning(
    notification_service: FakeNotificationService,
    address: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "graph.txt").write_text("x")
    sender = apprise.Apprise(f"{address}/ada/lark")
    assert sender.notify(body="Hi", attach=str(tmp_path / "graph.txt"))
    assert len(notification_service.sent) == 1
    assert "only the text is sent" in caplog.text


def test_an_attachment_alone_fails_and_says_that_there_is_no_text(
    notification_service: FakeNotificationService,
    address: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "graph.txt").write_text("x")
    sender = apprise.Apprise(f"{address}/ada/lark")
    assert not sender.notify(body="", attach=str(tmp_path / "graph.txt"))
    assert notification_service.requests == []
    assert "There is no text to send" in caplog.text
    assert "only the text is sent" not in caplog.text


def test_markdown_is_sent_as_it_is_written(
    notification_service: FakeNotificationService, address: str
) -> None:
    sender = apprise.Apprise(f"{address}/ada/lark")
    assert sender.notify(body="**95 %** used", body_format=apprise.NotifyFormat.MARKDOWN)
    [sent] = notification_service.sent
    assert sent.content == "**95 %** used"


def test_the_command_takes_the_plugin_by_its_path(
    notification_service: FakeNotificationService, address: str, tmp_path: Path
) -> None:
    """As a person calls it: the path is the module's own output."""
    path = subprocess.run(
        [sys.executable, "-m", "notification_sdk.apprise_plugin"],
        capture_output=True,
        text=True,
        check=True,
        cwd=PLUGIN.parents[1],
    ).stdout.strip()
    assert path == str(PLUGIN)
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "apprise"), "--plugin-path", path),
            *("--storage-mode", "memory", "--title", "Disk", "--body", "95 % used"),
            f"{address}/ada/lark",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=PLUGIN.parents[1],
        env={"HOME": str(tmp_path), "PATH": ""},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [sent] = notification_service.sent
    assert (sent.subject, sent.content) == ("Disk", "95 % used")


def test_the_pages_command_notifies(
    notification_service: FakeNotificationService, address: str, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```sh\npip install '\./sdk\[apprise\]'\n(.*?)```", page, re.DOTALL)
    command, replaced = re.subn(r"notifications://\S*@[^/]*", address, block)
    assert replaced == 1
    folder = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-e", "-c", command],
        env={"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [(sent.user_id, sent.channel) for sent in notification_service.sent] == [
        ("ada", "lark"),
        ("ada", "slack"),
    ]
