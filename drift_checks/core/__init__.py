"""What every other package may use: errors, records, instants, secrets, text and files."""
