"""What is really there, compared with what the stack's state says."""
