"""A reader of a Crannog server's data directory, written from docs/spec alone."""
