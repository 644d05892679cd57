"""Migrations of the D1 database, applied by the Pulumi program over Cloudflare's REST API."""
