"""What a checkout adds to the plugin: the place to plug in a store or a classifier of your own.

The fixtures of every criterion (`sample`, `record`, `review`, `reviews`, `vectors`, ...) stand in
drift_checks/plugin/fixtures.py, where criteria find them wherever their files lie. A fixture that is defined here
under one of these names takes its place in this checkout.
"""

from __future__ import annotations

# The same plugin as the installed one: a checkout needs no installation.
pytest_plugins = ["drift_checks.plugin"]
