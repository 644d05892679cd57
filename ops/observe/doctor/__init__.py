"""What `notifyctl doctor` looks at."""
