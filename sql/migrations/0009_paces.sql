-- The pace of each line, so that whoever moves it on needs no configuration, and planned sends.

ALTER TABLE endpoint_paces ADD COLUMN interval_ms INTEGER NOT NULL DEFAULT 1000;

ALTER TABLE endpoint_paces ADD COLUMN burst INTEGER NOT NULL DEFAULT 1;

-- A recipient's holds are erased with the recipient.
CREATE INDEX idx_hold_user ON channel_holds (user_id);

-- When its sender, or its recipient's quiet hours, planned it for.
ALTER TABLE notification_logs ADD COLUMN send_at TEXT;
