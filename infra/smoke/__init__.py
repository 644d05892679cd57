"""A version is called at its own preview URL before anything depends on it."""
