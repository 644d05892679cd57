"""The ports on Cloudflare's runtime. Nothing outside this package knows of JavaScript."""
