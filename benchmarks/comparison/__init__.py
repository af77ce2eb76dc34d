"""Reviews by this package beside the same work by other tools."""
