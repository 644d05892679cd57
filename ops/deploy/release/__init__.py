"""The stack's releases: which there were, which serves, and what is known about each."""
