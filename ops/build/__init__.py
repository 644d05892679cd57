"""What gets uploaded: the Worker's bundle and its assets."""
