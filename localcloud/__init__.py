"""Cloudflare on this machine: the v4 API, durable state and the runtime's supervisor.

Everything listens on the loopback address only, reads no real token and talks to nothing outside.
"""
