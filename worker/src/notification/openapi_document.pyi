"""The module that the bundle's builder writes."""

DOCUMENT: str
