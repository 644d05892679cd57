"""HTTP: routing, checks, authentication, the envelope and headers."""
