"""When does a cron trigger fire, by Cloudflare's grammar."""
