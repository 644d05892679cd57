"""Recipients' channel configurations: sealing, masking, saving, remembering."""
