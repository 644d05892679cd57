-- Takes back the contents of default templates that nobody has changed.
-- loses: template_contents

DELETE FROM template_contents
WHERE channel_type IN ('discord', 'teams', 'googlechat', 'ntfy')
  AND created_at = '2026-01-01T00:00:00.000Z' AND updated_at = '2026-01-01T00:00:00.000Z'
  AND template_key IN (
    SELECT template_key FROM notification_templates_v2
    WHERE revision = 1 AND created_at = '2026-01-01T00:00:00.000Z'
      AND updated_at = '2026-01-01T00:00:00.000Z'
  );
