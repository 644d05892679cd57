"""The ports on Cloudflare's runtime; only here is JavaScript known."""
