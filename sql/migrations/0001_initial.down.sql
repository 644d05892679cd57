-- The way back to an empty database: nothing older than this migration exists.

DROP TABLE scheduled_tasks;

DROP TABLE system_configs;

DROP TABLE idempotency_keys;

DROP TABLE notification_logs;

DROP TABLE user_configs;
