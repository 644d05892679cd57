"""Text for each channel: cleaned, escaped, and cut to fit."""
