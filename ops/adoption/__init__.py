"""What was there before: imports what an account already has."""
