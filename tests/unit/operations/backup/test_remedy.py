"""Where a backup is called for, its command is named."""

from __future__ import annotations

from importlib import import_module


def test_the_criterion_on_mixed_embedding_models_names_the_backup() -> None:
    """Before embedding anew, since that cannot be taken back."""
    mark = import_module("drift_checks.criteria.test_provenance").pytestmark
    assert mark.kwargs["remedy"].startswith(
        "Before embedding anew, make a backup: python -m drift_checks backup --to DIR"
    )
