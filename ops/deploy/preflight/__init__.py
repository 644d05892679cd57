"""What `notifyctl check` looks at before a deployment."""
