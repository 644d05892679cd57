"""What gets uploaded: the bundle of the Worker, the assets of the console."""
