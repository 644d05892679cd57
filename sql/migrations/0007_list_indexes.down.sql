-- The lists then walk along the primary keys, as they did before.

DROP INDEX idx_content_channel;

DROP INDEX idx_template_active;

DROP INDEX idx_config_channel;
