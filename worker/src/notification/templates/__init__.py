"""The template engine: placeholders, paths, `each` and `if`; no code."""
