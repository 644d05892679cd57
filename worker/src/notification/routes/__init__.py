"""What each route does between the checks and the answer."""
