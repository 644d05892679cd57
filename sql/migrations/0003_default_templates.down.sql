-- Takes back the default templates that nobody has changed; their contents go with them.
-- loses: notification_templates_v2, template_contents

DELETE FROM template_contents
WHERE template_key IN (
  SELECT template_key FROM notification_templates_v2
  WHERE revision = 1 AND created_at = '2026-01-01T00:00:00.000Z'
    AND updated_at = '2026-01-01T00:00:00.000Z'
);

DELETE FROM notification_templates_v2
WHERE revision = 1 AND created_at = '2026-01-01T00:00:00.000Z'
  AND updated_at = '2026-01-01T00:00:00.000Z';
