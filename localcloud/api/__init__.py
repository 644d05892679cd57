"""Cloudflare's v4 API, one module per family of resources."""
