"""The stores that are reviewed: records in SQLite, vectors in Chroma.

They are read, and never written to but by `write_back`, where the user asks for it.
"""
