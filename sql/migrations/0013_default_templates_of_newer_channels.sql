-- Default templates that nobody has changed reach the newer channels too: their Markdown reads
-- what was written for Lark, and ntfy shows plain text, as the webhook's row is.
INSERT INTO template_contents
  (template_key, channel_type, content_type, subject_template, content_template, created_at, updated_at)
SELECT c.template_key, newer.channel, c.content_type, c.subject_template, c.content_template,
  c.created_at, c.updated_at
FROM template_contents AS c
JOIN notification_templates_v2 AS t ON t.template_key = c.template_key
JOIN (
  SELECT 'discord' AS channel, 'lark' AS source
  UNION ALL SELECT 'teams', 'lark'
  UNION ALL SELECT 'googlechat', 'lark'
  UNION ALL SELECT 'ntfy', 'webhook'
) AS newer ON newer.source = c.channel_type
WHERE t.revision = 1 AND t.created_at = '2026-01-01T00:00:00.000Z'
  AND t.updated_at = '2026-01-01T00:00:00.000Z'
ON CONFLICT (template_key, channel_type) DO NOTHING;
