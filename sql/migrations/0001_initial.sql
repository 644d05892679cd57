-- Recipients' channel configurations, notifications with their outbox, idempotency keys, settings
-- and the state of scheduled work. Times are ISO-8601 UTC with milliseconds; booleans are 0 or 1.

CREATE TABLE user_configs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id TEXT NOT NULL CHECK (length(user_id) BETWEEN 1 AND 100),
  channel_type TEXT NOT NULL CHECK (length(channel_type) BETWEEN 1 AND 32),
  -- enc:v2:KEYID:BASE64; enc:v1: and clear JSON of older installations stay readable.
  config_data TEXT NOT NULL,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  -- Goes up with every change: a send is conditional on the revision that it has read.
  revision INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  CONSTRAINT user_channel_unique UNIQUE (user_id, channel_type)
);

-- One row per request and channel, written before the first attempt.
--
-- The id is (creation in ms since 2024-01-01) * 4096 + the first three hex digits of the message
-- id's random part. So the primary key is in order of time and serves every range of dates, and a
-- message id names its row: neither needs an index of its own, which D1 would bill with each row.
CREATE TABLE notification_logs (
  id INTEGER PRIMARY KEY,
  message_id TEXT NOT NULL,
  user_id TEXT NOT NULL CHECK (length(user_id) BETWEEN 1 AND 100),
  channel_type TEXT NOT NULL CHECK (length(channel_type) BETWEEN 1 AND 32),
  template_key TEXT,
  subject TEXT,
  content TEXT,
  content_type TEXT NOT NULL DEFAULT 'text'
    CHECK (content_type IN ('text', 'html', 'markdown', 'json')),
  status TEXT NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'sent', 'failed', 'retry', 'cancelled')),
  sent_at TEXT,
  error TEXT,
  last_error_code TEXT,
  retry_count INTEGER NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
  redrives INTEGER NOT NULL DEFAULT 0 CHECK (redrives >= 0),
  attempts TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(attempts)),
  lease_token TEXT,
  lease_until TEXT,
  next_retry_at TEXT,
  request_id TEXT,
  idempotency_key TEXT,
  variables TEXT CHECK (variables IS NULL OR json_valid(variables)),
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  CONSTRAINT sent_has_time CHECK (status <> 'sent' OR sent_at IS NOT NULL),
  CONSTRAINT retry_has_time CHECK (status <> 'retry' OR next_retry_at IS NOT NULL),
  CONSTRAINT message_id_names_row CHECK (
    substr(message_id, 1, 4) <> 'ntf_'
    OR id = (CAST(substr(message_id, 5, 13) AS INTEGER) - 1704067200000) * 4096
      + (instr('0123456789abcdef', substr(message_id, -12, 1)) - 1) * 256
      + (instr('0123456789abcdef', substr(message_id, -11, 1)) - 1) * 16
      + (instr('0123456789abcdef', substr(message_id, -10, 1)) - 1)
  )
);

-- Message ids of another form: rows taken over from an older installation.
CREATE UNIQUE INDEX notification_logs_message_id_unique ON notification_logs (message_id)
  WHERE substr(message_id, 1, 4) <> 'ntf_';

-- Every index ends in the row's id, and so in time. The last two have entries for the few rows
-- only that did not arrive at once: the usual send pays for the first one alone.
CREATE INDEX idx_notification_user ON notification_logs (user_id);

CREATE INDEX idx_notification_due ON notification_logs (next_retry_at) WHERE status = 'retry';

CREATE INDEX idx_notification_failed ON notification_logs (id) WHERE status = 'failed';

-- A record is reserved in the batch that writes its notifications. It has no index by expiry: an
-- hourly scan costs a thousandth of two index entries a key.
CREATE TABLE idempotency_keys (
  user_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
  message_ids TEXT NOT NULL CHECK (json_valid(message_ids)),
  request_hash TEXT,
  status TEXT NOT NULL DEFAULT 'completed' CHECK (status IN ('in_progress', 'completed')),
  lease_until TEXT,
  -- The outcome per message id of rows that were cleaned up before the key expired.
  results TEXT CHECK (results IS NULL OR json_valid(results)),
  expires_at TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  PRIMARY KEY (user_id, idempotency_key)
) WITHOUT ROWID;

CREATE TABLE system_configs (
  config_key TEXT PRIMARY KEY,
  config_value TEXT NOT NULL,
  description TEXT,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) WITHOUT ROWID;

-- The run lock of each scheduled task and what its next run must know.
CREATE TABLE scheduled_tasks (
  task_name TEXT PRIMARY KEY,
  lease_token TEXT,
  lease_until TEXT,
  last_run_at TEXT,
  state TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(state))
) WITHOUT ROWID;
