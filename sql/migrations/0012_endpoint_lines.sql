-- A line for each endpoint, whoever's configuration leads to it: recipients who share a URL, or a
-- bot's chat, wait behind one another. endpoint_paces, a line for each recipient, stays for the
-- version before; its lines are over within an hour.

CREATE TABLE endpoint_lines (
  endpoint TEXT PRIMARY KEY,
  channel_type TEXT NOT NULL,
  throttled_until INTEGER NOT NULL,
  next_slot INTEGER NOT NULL,
  interval_ms INTEGER NOT NULL,
  burst INTEGER NOT NULL
) WITHOUT ROWID;

-- The digest of the URL, or of bot and chat. A configuration that an older version has saved gets
-- its own when its endpoint is first throttled.
ALTER TABLE user_configs ADD COLUMN endpoint TEXT;
