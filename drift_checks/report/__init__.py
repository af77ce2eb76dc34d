"""From the outcomes of checks to a verdict, and what a run leaves. Knows no store, reviewer or pytest."""
