"""Alerts: one message for each change of verdict, sent to every channel once and kept until it has arrived.

`message` is what an alert says, `policy` decides when it is due, `delivery` keeps and sends it through the `channels`
that `configuration` reads from the settings.
"""
