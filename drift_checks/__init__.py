"""Drift Checks: a pytest-style test suite for the drift of text classifiers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from drift_checks.core.errors import DriftError

if TYPE_CHECKING:
    from drift_checks.api.run import Run

__all__ = ["DriftError", "__version__", "review"]

__version__ = "0.1.0"

# What nobody listens to is not written to stderr either.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def review(
    source: object = None, reviewer: object = None, *, name: str = "table", verbose: bool = False, **settings: Any
) -> Run:
    """Review a sample of labelled texts, and return the run: its verdict, figures and report.

    Variables such as DRIFT_REPORTS apply, but no ini file, conftest.py or plugin of pytest.

    Args:
        source: The path of the records, whatever the setting `db` accepts, or a pandas, Polars or Arrow table.
        reviewer: The name of a reviewer, or your own classifier: a callable, or an object or class with a method
            `classify`; or a list of these, the first of which decides, while the criterion attribution compares all.
        name: The name of a table in the report and the history: runs of one name, `reports`, `table` and `collection`
            belong together.
        verbose: Print the summary.
        settings: Any setting, as in `sample_size=50` or `columns={"text": "body", "category": "label"}`.

    Raises:
        DriftError: There is no verdict; the message says why, and what to do.
    """
    from drift_checks.api.review import review as run

    return run(source, reviewer, name=name, verbose=verbose, settings=settings)
