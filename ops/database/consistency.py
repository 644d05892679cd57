"""Checks of what the database's constraints can't express."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.database.stack_database import StackDatabase


@dataclass(frozen=True)
class Rule:
    """One check: ``sql`` counts the rows of ``table`` that break it, as ``n``."""

    table: str
    says: str
    sql: str
    advice: str


_AN_AGE = "< strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{days} day')"
_ROWS = "SELECT count(*) AS n FROM "
# A rule whose table isn't there yet is left out.
_RULES = (
    Rule(
        table="template_contents",
        says="contents of templates that don't exist",
        sql="SELECT count(*) AS n FROM template_contents WHERE template_key NOT IN "
        "(SELECT template_key FROM notification_templates_v2)",
        advice="delete them, or create the template again",
    ),
    Rule(
        table="template_contents",
        says="active templates without a content, which no send can use",
        sql="SELECT count(*) AS n FROM notification_templates_v2 WHERE is_active = 1 "
        "AND template_key NOT IN (SELECT template_key FROM template_contents)",
        advice="write it again or restore a backup: notifyctl templates, notifyctl db restore",
    ),
    Rule(
        table="notification_logs",
        says="rows pending for over a day, which the sweep should have ended",
        sql=_ROWS
        + "notification_logs WHERE status = 'pending' AND created_at "
        + _AN_AGE.format(days=1),
        advice="see that the cron runs: notifyctl status",
    ),
    Rule(
        table="notification_logs",
        says="retries due for over a day",
        sql=_ROWS
        + "notification_logs WHERE status = 'retry' AND next_retry_at "
        + _AN_AGE.format(days=1),
        advice="see that the cron and the queue's consumer run: notifyctl status",
    ),
    Rule(
        table="idempotency_keys",
        says="keys that expired over two days ago and were not cleaned up",
        sql=_ROWS + "idempotency_keys WHERE expires_at " + _AN_AGE.format(days=2),
        advice="see that the clean-up task runs: notifyctl status",
    ),
    Rule(
        table="user_configs",
        says="channel configurations in clear text",
        sql=_ROWS + "user_configs WHERE config_data NOT LIKE 'enc:%'",
        advice="the rewrap task encrypts them with its next run",
    ),
)
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        rule: what is counted.
        rows: how many rows break it; 0 is good.
        advice: what to do about them.
    """

    rule: str
    rows: int
    advice: str

    def text(self) -> str:
        """One line."""
        return f"{self.rows} {self.rule}: {self.advice}"


def check_consistency(database: StackDatabase) -> Sequence[Finding]:
    """Run SQLite's own checks and every rule whose table exists."""
    tables = {str(row["name"]) for row in database.query(_TABLES)}
    rules = [rule for rule in _RULES if rule.table in tables]
    results = database.batch(
        ["PRAGMA quick_check", "PRAGMA foreign_key_check", *(rule.sql for rule in rules)]
    )
    damaged = [row for row in results[0] if "ok" not in {str(value) for value in row.values()}]
    return [
        Finding("damaged pages or indexes", len(damaged), "restore a backup"),
        Finding("references to rows that don't exist", len(results[1]), "delete those rows"),
        *(
            Finding(rule.says, int(rows[0]["n"]), rule.advice)
            for rule, rows in zip(rules, results[2:], strict=True)
        ),
    ]
