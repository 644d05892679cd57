"""What the service costs at Cloudflare, computed from metered counts and a dated price table."""
