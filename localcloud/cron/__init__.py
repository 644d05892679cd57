"""Cron triggers: the expressions and the clock that fires them."""
