"""How long tests wait."""

from __future__ import annotations

# In seconds: far more than anything takes on a busy machine, and less than what would go on for ever.
PATIENCE = 20.0
