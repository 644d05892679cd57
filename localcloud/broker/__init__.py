"""The queues' broker: durable messages, producers and consumers."""
