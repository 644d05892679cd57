-- Figures of hours that are long over then keep what they were before a manual retry.

DROP INDEX idx_notification_redriven;
