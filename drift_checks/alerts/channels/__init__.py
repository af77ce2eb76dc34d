"""The channels: each puts a message into its own form and sends it."""
