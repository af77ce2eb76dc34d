"""The channels: each renders a message in its own form and sends it."""
