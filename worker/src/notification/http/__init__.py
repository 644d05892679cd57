"""HTTP: routes, the order of checks, authentication, envelope and headers."""
