"""Reading vectors from Chroma: a directory or a server, and which entry belongs to which record."""
