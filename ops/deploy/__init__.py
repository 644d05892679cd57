"""How a release gets out, and back."""
