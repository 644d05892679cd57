"""Text as channels want it: cleaned, escaped for their markup, and cut so that it fits."""
