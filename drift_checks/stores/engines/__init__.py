"""Reading records: what is asked of an engine, and each engine that answers."""
