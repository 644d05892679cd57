-- What operators list: configurations by channel, templates by channel and by being active. Saves of
-- both are rare, so that the entries cost next to nothing; a recipient's or a key's own reads have
-- their indexes already.

CREATE INDEX idx_config_channel ON user_configs (channel_type);

CREATE INDEX idx_template_active ON notification_templates_v2 (is_active);

CREATE INDEX idx_content_channel ON template_contents (channel_type, template_key);
