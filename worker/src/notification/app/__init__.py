"""The service put together, and the Worker on Cloudflare's runtime."""
