-- Back to notifications without holds, paces and fallbacks. What waits keeps its time of retry.
-- loses: channel_holds, endpoint_paces

DROP TABLE channel_holds;

DROP TABLE endpoint_paces;

ALTER TABLE user_configs DROP COLUMN deactivated_reason;

ALTER TABLE user_configs DROP COLUMN deactivated_at;

DROP INDEX idx_notification_after;

ALTER TABLE notification_logs DROP COLUMN after_id;

ALTER TABLE notification_logs DROP COLUMN urgent;

ALTER TABLE notification_logs DROP COLUMN held_until;

ALTER TABLE notification_logs DROP COLUMN expires_at;
