"""The data of an earlier service's installation, as SQL."""

from __future__ import annotations

from pathlib import Path

CLEAR_TOKEN = "123456:CLEAR-TEXT-BOT-TOKEN"
WEBHOOK = '{"webhook_url":"http://127.0.0.1:9/hook/ada","secret":"s"}'


def earlier_installation(*, configs: int = 4, logs: int = 6) -> list[str]:
    """Return the statements that make the schema and fill it.

    The rows hold what such installations are known for: clear text, times without a zone, a
    template of the same key as a default one, retries under way, statuses of no meaning.
    """
    schema = (Path(__file__).with_name("schema.sql")).read_text(encoding="utf-8")
    # Rows that give no time of their own get the same in every run.
    schema = schema.replace("CURRENT_TIMESTAMP", "'2025-01-01 00:00:00'")
    lines = [line for line in schema.splitlines() if not line.startswith("--")]
    statements = [part.strip() for part in "\n".join(lines).split(";") if part.strip()]
    for number in range(configs):
        telegram = f'{{"bot_token":"{CLEAR_TOKEN}","chat_id":"{number}"}}'
        kind, data = ("webhook", WEBHOOK) if number % 2 else ("telegram", telegram)
        statements.append(
            "INSERT INTO user_configs (user_id, channel_type, config_data, is_active, created_at, "  # noqa: S608 - a test's own texts
            f"updated_at) VALUES ('user-{number}', '{kind}', '{data}', {int(number != 3)}, "
            "'2025-01-05 10:00:00', '2025-01-06 11:30:15')"
        )
    statuses = ("sent", "failed", "retry", "pending", "odd")
    for number in range(logs):
        status = statuses[number % len(statuses)]
        sent = "'2025-01-05 10:00:01'" if status == "sent" and number else "NULL"
        statements.append(
            "INSERT INTO notification_logs (message_id, user_id, channel_type, content, status, "  # noqa: S608 - a test's own texts
            "sent_at, retry_count, variables, created_at) VALUES "
            f"('{'ntf_' if number % 2 else 'msg-'}{number}', 'user-{number}', 'webhook', 'Hello', "
            f"'{status}', {sent}, 1, {chr(39) + 'no json' + chr(39) if number == 1 else 'NULL'}, "
            f"'2025-01-05 10:00:{number % 60:02}')"
        )
    statements += [
        (
            "INSERT INTO notification_templates_v2 (template_key, template_name, variables) "
            "VALUES ('grafana-alert', 'Ours', 'not json'), ('welcome', 'Welcome', '[\"name\"]')"
        ),
        (
            "INSERT INTO template_contents (template_key, channel_type, content_template) VALUES "
            "('welcome', 'webhook', 'Hello {{name}}'), ('grafana-alert', 'webhook', 'Our alert')"
        ),
        (
            "INSERT INTO system_configs (config_key, config_value) "
            "VALUES ('cleanup_retention_hours', '876000')"
        ),
        (
            "INSERT INTO idempotency_keys (idempotency_key, user_id, message_ids, expires_at) "
            "VALUES ('key-1', 'user-0', '[\"msg-0\"]', '2099-01-01 00:00:00')"
        ),
        (
            "INSERT INTO task_execution_records (task_name, execution_time, status, duration_ms) "
            "VALUES ('data_cleanup', '2025-01-05 03:00:00', 'completed', 12)"
        ),
    ]
    return statements
