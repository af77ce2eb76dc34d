"""The stores under review: records in SQLite, vectors in Chroma.

Only `write_back` ever writes to them, if the user asks for it.
"""
