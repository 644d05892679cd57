"""The template engine: placeholders, paths, `each` and `if`; no code, and bounded work."""
