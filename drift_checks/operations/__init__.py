"""What an administrator does beside the reviews: backups, schedules and the production checklist."""
