"""The charts of the report: positions and texts as plain values; templates/charts draws them."""
