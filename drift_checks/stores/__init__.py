"""The stores that are reviewed: records in SQLite, vectors in Chroma. Read, never written."""
