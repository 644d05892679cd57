"""A limit that the documents name is the one that the code holds."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
API, CHANNELS, CLOUD = "api.md", "channels.md", "local-cloud-limits.md"
DAY_MS = 24 * 60 * 60 * 1000

LIMITS = [
    (API, "list checks 1,000,000 characters", "notification.storage.template_rows:MAX_LISTED"),
    (API, "Loops end after 1,000 items", "notification.templates.rendering:MAX_ITERATIONS"),
    (API, "texts after 100,000 characters", "notification.templates.rendering:MAX_OUTPUT"),
    (API, "counted up to 10,000", "notification.storage.capped_count:MAX_COUNTED"),
    (API, "newest 20,000 rows", "notification.storage.log_rows:MAX_SCANNED"),
    (API, "`watch` (at most 100)", "notification.storage.log_rows:MAX_CHANGES"),
    (API, "`limit` is at most 1,000", "notification.delivery.redrive:MAX_REDRIVES"),
    (API, "(default 100)", "notification.delivery.redrive:DEFAULT_REDRIVES"),
    (API, "those of the last 24 hours", "notification.delivery.redrive:DEFAULT_AGE_HOURS"),
    (API, "for at most 30 days", "notification.routes.holds:MAX_DAYS"),
    (API, "up to 100 notifications in one", "notification.sending.batch:MAX_SENDS"),
    (CHANNELS, "| 100,000 characters |", "notification.channels.webhook:MAX_CONTENT"),
    (CHANNELS, "| 20,000 bytes |", "notification.channels.lark:MAX_BODY"),
    (CHANNELS, "sections of 3,000 characters", "notification.markup.slack:MAX_SECTION"),
    (CHANNELS, "| 2,000 characters a message |", "notification.channels.discord:MAX_TEXT"),
    (CHANNELS, "| 28,000 bytes,", "notification.channels.teams:MAX_BODY"),
    (CHANNELS, "| 4,096 bytes a message |", "notification.channels.ntfy:MAX_TEXT"),
    (CLOUD, "1,200 in five minutes", "localcloud.rate_limit:REQUESTS"),
    (CLOUD, "SQL statement | 100,000 bytes", "d1.rules:MAX_STATEMENT_BYTES"),
    (CLOUD, "bound parameters | 100,", "d1.rules:MAX_PARAMETERS"),
    (CLOUD, "that is bound | 2,000,000 bytes", "d1.rules:MAX_VALUE_BYTES"),
    (CLOUD, "| 1,024 bytes (10020)", "localcloud.api.r2:MAX_KEY_BYTES"),
    (CLOUD, "lifetime | 512 bytes,", "localcloud.api.kv:MAX_KEY_BYTES"),
    (CLOUD, "512 bytes, 1,024 bytes", "localcloud.api.kv:MAX_METADATA_BYTES"),
    (CLOUD, "at least 60 seconds", "localcloud.api.kv:MIN_TTL_SECONDS"),
    (CLOUD, "bulk reads | 100 keys", "localcloud.api.kv_bulk:MAX_READ"),
    (CLOUD, "static assets | 20,000 files", "localcloud.api.assets:MAX_FILES"),
    (CLOUD, "of an account | 250,", "localcloud.plan:PAID_CRONS"),
    (CLOUD, "on the Free plan 5 |", "localcloud.plan:FREE_CRONS"),
    (CLOUD, "1 to 10,000,000", "localcloud.plan:MAX_SUBREQUESTS"),
    (CLOUD, "tails of a Worker | 10 |", "localcloud.tail.tails:MAX_TAILS"),
]
SCALED = [
    (API, "at most 7 days ahead", "notification.sending.command:MAX_AHEAD_MS", DAY_MS),
    (API, "of the last 2 seconds", "notification.storage.log_rows:LATE_MS", 1_000),
    (CLOUD, "(10020), 300 MB", "localcloud.api.r2:MAX_OBJECT_BYTES", 1024 * 1024),
    (CLOUD, "files, 25 MiB each", "localcloud.api.assets:MAX_FILE_BYTES", 1024 * 1024),
    (CLOUD, "| 64 MiB together", "localcloud.api.uploads:MAX_BUNDLE_BYTES", 1024 * 1024),
    (CLOUD, "variable or secret | 5 KB", "localcloud.api.bindings:MAX_TEXT_BYTES", 1024),
]


@pytest.mark.parametrize(
    ("document", "words", "place", "unit"),
    [*((*limit, 1) for limit in LIMITS), *SCALED],
    ids=lambda each: str(each)[:50],
)
def test_a_documented_limit_is_the_codes(document: str, words: str, place: str, unit: int) -> None:
    text = " ".join((DOCS / document).read_text(encoding="utf-8").split())
    assert words in text
    module, _, name = place.partition(":")
    held = getattr(importlib.import_module(module), name)
    figures = [int(each.replace(",", "")) for each in re.findall(r"\d[\d,]*\d|\d", words)]
    assert held in {figure * unit for figure in figures}
    assert len(figures) <= 2
