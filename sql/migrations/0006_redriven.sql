-- Finds the redriven notifications whose hour has to be counted again. An entry per redriven one.

CREATE INDEX idx_notification_redriven ON notification_logs (updated_at) WHERE redrives > 0;
