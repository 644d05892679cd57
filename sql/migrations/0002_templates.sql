-- Templates: one row each, and one row of contents per channel.

CREATE TABLE notification_templates_v2 (
  template_key TEXT PRIMARY KEY CHECK (length(template_key) BETWEEN 1 AND 100),
  template_name TEXT NOT NULL CHECK (length(template_name) BETWEEN 1 AND 200),
  description TEXT,
  variables TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(variables)),
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  -- Goes up with every change of the template or of one of its contents.
  revision INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) WITHOUT ROWID;

CREATE TABLE template_contents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  template_key TEXT NOT NULL
    REFERENCES notification_templates_v2 (template_key) ON DELETE CASCADE,
  channel_type TEXT NOT NULL CHECK (length(channel_type) BETWEEN 1 AND 32),
  content_type TEXT NOT NULL DEFAULT 'text'
    CHECK (content_type IN ('text', 'html', 'markdown', 'json')),
  subject_template TEXT,
  content_template TEXT NOT NULL,
  extra_config TEXT CHECK (extra_config IS NULL OR json_valid(extra_config)),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  CONSTRAINT template_channel_unique UNIQUE (template_key, channel_type)
);

-- What the template sets over the recipient's configuration, kept for the retries.
ALTER TABLE notification_logs ADD COLUMN channel_options TEXT;
