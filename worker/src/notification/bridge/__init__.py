"""The webhook bridge: calls of any form, turned into a notification."""
