"""People judge records, one at a time."""
