-- One row per run of a scheduled task, kept for thirty days.

CREATE TABLE task_execution_records (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_name TEXT NOT NULL CHECK (length(task_name) BETWEEN 1 AND 64),
  execution_time TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'completed' CHECK (status IN ('completed', 'failed')),
  -- The run's result as JSON, or {"error": …}: the name of the column is older than its use.
  error TEXT,
  duration_ms INTEGER CHECK (duration_ms IS NULL OR duration_ms >= 0),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX idx_task_records_name ON task_execution_records (task_name);
