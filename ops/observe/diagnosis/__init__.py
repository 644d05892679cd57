"""Finding out why a service doesn't do what it should."""
