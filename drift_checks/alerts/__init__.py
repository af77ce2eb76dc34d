"""Alerts: one message a change, rendered for each channel, sent once, and kept until it has arrived.

`message` is what is said, `composing` makes it of a run, `deciding` says whether it is due, `channels` render and send
it, `sending` has them do so side by side, and `announcing` ties them together.
"""
