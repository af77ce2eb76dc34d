"""Reviews on a schedule: the files of cron or systemd, rendered here and written by `files`."""
