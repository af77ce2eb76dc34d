"""One run up to its reviews: what is drawn, who reviews it, and what is kept meanwhile."""
