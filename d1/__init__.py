"""What Cloudflare's D1 takes and refuses, beyond SQLite itself."""
