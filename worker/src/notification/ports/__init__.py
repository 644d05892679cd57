"""What the service needs from its surroundings, as protocols."""
