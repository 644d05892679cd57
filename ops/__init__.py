"""``notifyctl``: how the notification system is deployed, looked at and operated."""
