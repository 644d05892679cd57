"""What is known of how a service does, from itself and from its account."""
