"""Reviews from Python: `drift_checks.review`, and the run that it returns."""
