"""What a run is told to do: each setting declared once, what its text may be, and where it is read."""
