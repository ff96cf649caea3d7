"""The places of the terminal UI, one per file."""
