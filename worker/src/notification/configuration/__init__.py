"""Recipients' channel configurations: sealing, masking, saving, caching."""
