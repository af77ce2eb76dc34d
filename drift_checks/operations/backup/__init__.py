"""Care of the data: backups of a store that is written to, their restoring, and databases made compact."""
