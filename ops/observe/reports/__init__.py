"""The reports of a day, a week and a month."""
