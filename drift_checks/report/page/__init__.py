"""The pages that people read: the report of a run, and the list of all."""
