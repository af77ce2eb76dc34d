"""The HTML pages: the report of a run, and the list of all runs."""
