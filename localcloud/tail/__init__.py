"""Live tails: what a Worker writes, sent to whoever watches it."""
