"""What decides a record again."""
