"""A notification service: plain Python behind ports, with thin adapters for its platform."""
