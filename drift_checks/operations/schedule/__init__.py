"""The files that have a machine's cron or systemd review a store every night: rendered here, written by `files`."""
