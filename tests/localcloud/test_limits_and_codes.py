"""Limits and codes are the ones of Cloudflare, of GitHub and of the chat services.

A test that names a constant agrees with any number: here each stands as its source has it.
"""

from __future__ import annotations

import importlib

import pytest

NUMBERS: dict[str, dict[str, object]] = {
    "localcloud.analytics.d1_queries": {
        "MAX_KINDS": 1000,
    },
    "localcloud.analytics.engine_sql": {
        "MAX_QUERY": 10_000,
        "_MAX_ROWS": 10_000,
        "_MAX_STEPS": 50_000_000,
    },
    "localcloud.analytics.query_document": {
        "_MAX_DEPTH": 12,
        "_DEFAULT_LIMIT": 10_000,
    },
    "localcloud.api.analytics": {
        "_MALFORMED": 10_026,
    },
    "localcloud.api.application": {
        "_INTERNAL": 10_002,
    },
    "localcloud.api.asset_tokens": {
        "LIFETIME_MS": 3_600_000,
    },
    "localcloud.api.assets": {
        "_BUCKET_FILES": 250,
        "INVALID": 10_021,
        "MAX_FILES": 20_000,
        "MAX_FILE_BYTES": 26_214_400,
        "MAX_RULES": 100,
        "MAX_RULE_LENGTH": 100,
    },
    "localcloud.api.bindings": {
        "INVALID": 10_021,
        "MAX_TEXT_BYTES": 5120,
    },
    "localcloud.api.d1": {
        "_MALFORMED": 7400,
    },
    "localcloud.api.d1_copies": {
        "_KEPT_BOOKMARKS": 20,
        "_MALFORMED": 7400,
        "_SQL_ERROR": 7500,
        "_ONE_CALL_BYTES": 4_194_304,
        "_ONE_CALL_STATEMENTS": 20_000,
    },
    "localcloud.api.d1_transfer": {
        "_MALFORMED": 7400,
        "_SQL_ERROR": 7500,
        "_LINK_MS": 3_600_000,
        "MAX_FILE_BYTES": 5_000_000_000,
    },
    "localcloud.api.deployments": {
        "_TOLERANCE": 1e-06,
        "_MALFORMED": 10_026,
    },
    "localcloud.api.kv": {
        "MAX_VALUE_BYTES": 26_214_400,
        "MAX_KEY_BYTES": 512,
        "MAX_METADATA_BYTES": 1024,
        "_MALFORMED": 10_026,
        "MIN_TTL_SECONDS": 60,
    },
    "localcloud.api.kv_bulk": {
        "_MALFORMED": 10_026,
        "MAX_PAIRS": 10_000,
        "MAX_READ": 100,
    },
    "localcloud.api.listing": {
        "_MAX_PAGE": 1_000_000_000,
        "_MAX_DIGITS": 18,
        "DEFAULT_PER_PAGE": 20,
        "MAX_PER_PAGE": 1000,
        "_MALFORMED": 10_026,
    },
    "localcloud.api.multipart": {
        "MAX_PARTS": 2100,
    },
    "localcloud.api.queue_consumers": {
        "_MALFORMED": 10_026,
    },
    "localcloud.api.queues": {
        "DEFAULT_RETENTION_SECONDS": 345_600,
        "_PER_PAGE": 100,
    },
    "localcloud.api.r2": {
        "MAX_OBJECT_BYTES": 314_572_800,
        "MAX_KEY_BYTES": 1024,
        "_MALFORMED": 10_001,
        "_LISTED": 1000,
    },
    "localcloud.api.scripts": {
        "_MALFORMED": 10_026,
    },
    "localcloud.api.services": {
        "_MALFORMED": 10_026,
    },
    "localcloud.api.token_document": {
        "MALFORMED": 1001,
    },
    "localcloud.api.tokens": {
        "_VALUE_LENGTH": 40,
    },
    "localcloud.api.uploads": {
        "_MAX_TAG_BYTES": 100,
        "_MAX_MESSAGE_BYTES": 1_000,
        "MAX_BUNDLE_BYTES": 67_108_864,
        "_LIMITS_NEED_PAID_PLAN": 100_328,
    },
    "localcloud.api.worker_domains": {
        "_MALFORMED": 10_026,
    },
    "localcloud.api.worker_routes": {
        "_INVALID": 10_022,
    },
    "localcloud.api.workers": {
        "_MALFORMED": 10_026,
    },
    "localcloud.api.zones": {
        "_MALFORMED": 1006,
    },
    "localcloud.broker.consumer": {
        "MAX_CONCURRENT": 10,
        "_DEFAULT_CONCURRENT": 4,
    },
    "localcloud.broker.producer": {
        "MAX_MESSAGE_BYTES": 128_000,
        "MAX_BATCH_BYTES": 256_000,
        "MAX_BATCH": 100,
        "MAX_DELAY_S": 86_400,
    },
    "localcloud.bundle_store": {
        "_MAX_PART_BYTES": 255,
    },
    "localcloud.cron.cron_clock": {
        "_MINUTE_MS": 60_000,
        "KEPT_FIRINGS": 1000,
    },
    "localcloud.faults": {
        "MAX_FAULTS": 50,
        "MAX_LENGTH": 200,
        "MAX_SECONDS": 86_400,
        "MAX_SLOW_SECONDS": 120,
        "MAX_TIMES": 1_000_000,
        "_INTERNAL": 10_002,
        "LIMITED": 971,
    },
    "localcloud.front_page": {
        "MAX_ROWS": 100,
        "MAX_CELL": 300,
        "MAX_SQL": 10_000,
    },
    "localcloud.github.actions_secrets": {
        "MAX_VALUE_BYTES": 49_152,
    },
    "localcloud.github.actions_variables": {
        "MAX_VALUE_BYTES": 49_152,
    },
    "localcloud.github.environments": {
        "MAX_WAIT_MINUTES": 43_200,
        "MAX_REVIEWERS": 6,
        "MAX_NAME_LENGTH": 255,
    },
    "localcloud.github.issue_comments": {
        "MAX_BODY_LENGTH": 65_536,
    },
    "localcloud.home": {
        "_TOKEN_LENGTH": 40,
    },
    "localcloud.host_process": {
        "_PORT_TAKEN": 3,
        "_STATE_HELD": 4,
        "_MAX_LINE_BYTES": 1_048_576,
        "MIN_NODE": 20,
    },
    "localcloud.json_text": {
        "MAX_DEPTH": 100,
    },
    "localcloud.listening": {
        "_MAX_PORT": 65_536,
        "_MIN_PORT": 1024,
    },
    "localcloud.local_api": {
        "_MALFORMED": 10_026,
    },
    "localcloud.log_files": {
        "BACKUPS": 3,
        "MAX_BYTES": 4_194_304,
        "MAX_LINES": 1000,
    },
    "localcloud.plan": {
        "FREE_CRONS": 5,
        "PAID_CRONS": 250,
        "MAX_SUBREQUESTS": 10_000_000,
    },
    "localcloud.rate_limit": {
        "REQUESTS": 1_200,
        "WINDOW_MS": 300_000,
        "MAX_CALLERS": 1000,
        "MAX_LIMIT": 1_000_000_000,
    },
    "localcloud.server": {
        "KV_DELAY_MS": 60_000,
        "MAX_BODY_BYTES": 134_217_728,
        "MAX_HOOK_BYTES": 4_194_304,
        "MAX_WEBSOCKET_BYTES": 65_536,
    },
    "localcloud.sink.application": {
        "MAX_DELAY_MS": 60_000,
        "MAX_SHOWN": 1000,
    },
    "localcloud.sink.chat.discord": {
        "MAX_TEXT": 2000,
        "MAX_USERNAME": 80,
    },
    "localcloud.sink.chat.googlechat": {
        "MAX_BODY": 32_000,
        "MAX_TEXT": 4096,
        "MAX_THREAD_KEY": 4000,
    },
    "localcloud.sink.chat.lark": {
        "MAX_BODY": 20_480,
    },
    "localcloud.sink.chat.ntfy": {
        "MAX_TEXT": 4096,
    },
    "localcloud.sink.chat.slack": {
        "MAX_BLOCKS": 50,
        "MAX_SECTION": 3000,
        "MAX_HEADER": 150,
        "MAX_CONTEXT_ELEMENTS": 10,
        "MAX_ATTACHMENTS": 100,
        "MAX_TEXT": 40_000,
    },
    "localcloud.sink.chat.teams": {
        "MAX_BODY": 28_672,
    },
    "localcloud.sink.chat.telegram": {
        "MAX_TEXT": 4096,
        "MAX_ENTITIES": 100,
    },
    "localcloud.tail.connection": {
        "_TRY_AGAIN_LATER": 1_013,
        "MAX_BEHIND_BYTES": 4_194_304,
    },
    "localcloud.tail.filters": {
        "_MAX_FILTERS": 100,
    },
    "localcloud.tail.tails": {
        "LIFETIME_MS": 21_600_000,
        "MAX_TAILS": 10,
    },
    "localcloud.api.tails": {
        "_TOO_MANY": 10_057,
        "_UNKNOWN": 10_007,
        "_MALFORMED": 10_026,
    },
    "localcloud.api.token_gate": {
        "_USE_RECORDED_EVERY_MS": 3_600_000,
    },
    "localcloud.clock": {
        "MAX_ADVANCE_MS": 34_560_000_000,
    },
    "localcloud.daemon": {
        "_MAX_ERRORS_BYTES": 1_048_576,
    },
    "localcloud.github.application": {
        "REQUESTS": 5_000,
        "WINDOW_MS": 3_600_000,
    },
    "localcloud.host_client": {
        "_HANDLER": 900.0,
    },
    "localcloud.sink.message_log": {
        "KEPT": 10_000,
    },
}
"""By module; the source of each is named there or on the page of limits."""


@pytest.mark.parametrize(("module", "numbers"), NUMBERS.items())
def test_a_limit_or_a_code_is_its_sources(module: str, numbers: dict[str, object]) -> None:
    found = vars(importlib.import_module(module))
    assert {name: found[name] for name in numbers} == numbers
