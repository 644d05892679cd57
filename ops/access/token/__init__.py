"""Whether an API token works, and whether it may do what a deployment needs and no more."""
