"""Pure functions on counts and arrays."""
