-- The schema of the earlier service, as its installations have it.
CREATE TABLE user_configs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT NOT NULL, channel_type TEXT NOT NULL,
  config_data TEXT NOT NULL, is_active INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX idx_user_channel ON user_configs (user_id, channel_type);
CREATE UNIQUE INDEX user_channel_unique ON user_configs (user_id, channel_type);
CREATE TABLE notification_templates_v2 (
  template_key TEXT PRIMARY KEY, template_name TEXT NOT NULL, description TEXT,
  variables TEXT DEFAULT '[]', is_active INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX idx_template_name_v2 ON notification_templates_v2 (template_name);
CREATE TABLE template_contents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  template_key TEXT NOT NULL REFERENCES notification_templates_v2 (template_key),
  channel_type TEXT NOT NULL, content_type TEXT NOT NULL DEFAULT 'text', subject_template TEXT,
  content_template TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX idx_template_channel_content ON template_contents (template_key, channel_type);
CREATE UNIQUE INDEX template_channel_unique ON template_contents (template_key, channel_type);
CREATE TABLE notification_logs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL, user_id TEXT NOT NULL,
  channel_type TEXT NOT NULL, template_key TEXT, subject TEXT, content TEXT,
  status TEXT NOT NULL DEFAULT 'pending', sent_at TEXT, error TEXT,
  retry_count INTEGER NOT NULL DEFAULT 0, request_id TEXT, variables TEXT,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE UNIQUE INDEX notification_logs_message_id_unique ON notification_logs (message_id);
CREATE INDEX idx_notification_user ON notification_logs (user_id);
CREATE INDEX idx_notification_status ON notification_logs (status);
CREATE INDEX idx_notification_created ON notification_logs (created_at);
CREATE TABLE system_configs (
  config_key TEXT PRIMARY KEY, config_value TEXT NOT NULL, description TEXT,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE idempotency_keys (
  idempotency_key TEXT, user_id TEXT, message_ids TEXT NOT NULL, expires_at TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (idempotency_key, user_id));
CREATE INDEX idx_idempotency_expires ON idempotency_keys (expires_at);
CREATE TABLE task_execution_records (
  id INTEGER PRIMARY KEY AUTOINCREMENT, task_name TEXT NOT NULL, execution_time TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'completed', error TEXT, duration_ms INTEGER,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE schema_migrations (
  id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, executed_at TEXT DEFAULT CURRENT_TIMESTAMP);
INSERT INTO schema_migrations (name) VALUES ('001_initial_schema');
