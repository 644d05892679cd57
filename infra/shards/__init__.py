"""Recipients spread over several D1 databases, and their moves between them."""
