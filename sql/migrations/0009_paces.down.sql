-- Back to lines of one pace. What is planned keeps its time of retry.

ALTER TABLE notification_logs DROP COLUMN send_at;

DROP INDEX idx_hold_user;

ALTER TABLE endpoint_paces DROP COLUMN burst;

ALTER TABLE endpoint_paces DROP COLUMN interval_ms;
