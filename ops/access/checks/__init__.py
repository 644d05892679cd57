"""Named checks and what they find, for the commands that run many of them."""
