"""Past runs: kept in a database, which is made of the reports in their folders."""
