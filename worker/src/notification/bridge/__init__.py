"""The webhook bridge: calls of any form become notifications."""
