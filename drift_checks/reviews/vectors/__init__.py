"""What the reviewer `neighbours` compares records by: one module for each kind of vectors."""
