-- When a notification's time is over, who holds it back, and what its endpoint can take. None of it
-- is written by the usual send.

-- The end of the notification's time; NULL: 24 hours after its acceptance, which its id tells.
ALTER TABLE notification_logs ADD COLUMN expires_at TEXT;

-- The end of the hold, quiet hours or schedule that it waits for.
ALTER TABLE notification_logs ADD COLUMN held_until TEXT;

-- 1: goes out in quiet hours, too.
ALTER TABLE notification_logs ADD COLUMN urgent INTEGER;

-- A fallback: it is attempted only if the notification with this id fails.
ALTER TABLE notification_logs ADD COLUMN after_id INTEGER;

CREATE INDEX idx_notification_after ON notification_logs (after_id) WHERE after_id IS NOT NULL;

-- Set where the service itself switched a configuration off; a save clears both.
ALTER TABLE user_configs ADD COLUMN deactivated_at TEXT;

ALTER TABLE user_configs ADD COLUMN deactivated_reason TEXT;

-- The line before an endpoint that has asked for fewer calls. Moments are in ms since 1970.
CREATE TABLE endpoint_paces (
  user_id TEXT NOT NULL,
  channel_type TEXT NOT NULL,
  throttled_until INTEGER NOT NULL,
  next_slot INTEGER NOT NULL,
  PRIMARY KEY (user_id, channel_type)
) WITHOUT ROWID;

-- A channel that operators hold back, for everybody (an empty user_id) or for one user.
CREATE TABLE channel_holds (
  channel_type TEXT NOT NULL,
  user_id TEXT NOT NULL DEFAULT '',
  held_until TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (channel_type, user_id)
) WITHOUT ROWID;
