"""The webhook sink: a place on this machine where notifications land and can be looked at."""
